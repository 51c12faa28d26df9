import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'

import * as shipway from '../index.mjs'
import { failure } from './helpers/failure.ts'
import { type FakeEngine, startEngine } from './helpers/fake-engine.ts'

// Callers without types may pass anything.
const { ensureImage, pullImage, buildImage, imageExists, inspectImage } =
  shipway as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>

let engine: FakeEngine
before(async () => {
  engine = await startEngine()
})
after(() => engine.close())

const pull = (options: object) => () =>
  pullImage!('acme/app:1', { engine: engine.endpoint, ...options })
const build = (options: object) => () => buildImage!({ engine: engine.endpoint, ...options })

const ensure = (options: object) => () =>
  ensureImage!('acme/app:1', { engine: engine.endpoint, ...options })

const LOGIN = { username: 'ada', password: 'canary-1b2c' }

/** A call, and what its message must say. */
const REFUSED: [string, () => Promise<unknown>, string][] = [
  [
    'an unknown option',
    pull({ fallback: [] }),
    '`fallback` is not an option; there are credentials, engine, fallbacks,',
  ],
  [
    'an unknown policy',
    ensure({ policy: 'IfNotPresent' }),
    "`policy` must be 'missing', 'always', 'newer', 'never', got \"IfNotPresent\"",
  ],
  [
    'a build with what is of the whole call',
    ensure({ build: { contextDirectory: '.', tags: ['a'] } }),
    '`build.tags` is not an option',
  ],
  [
    'a contradiction in a build',
    ensure({ build: { contextDirectory: '.', contextFiles: {} } }),
    '`build.contextDirectory` contradicts `build.contextFiles`',
  ],
  [
    'a build that is neither',
    ensure({ build: 'yes' }),
    '`build` must be a plain object, got a string',
  ],
  [
    'a build that does not say of what',
    ensure({ build: true }),
    'does not say what `docker.io/acme/app:1` is built from',
  ],
  [
    'a build of a digest',
    () =>
      ensureImage!(`acme/app@sha256:${'a'.repeat(64)}`, {
        engine: engine.endpoint,
        build: { dockerfileInline: 'FROM scratch' },
      }),
    'a digest names a content before it is built',
  ],
  [
    'an unknown nested option',
    pull({ retry: { tries: 3 } }),
    '`retry.tries` is not an option; there are attempts,',
  ],
  ['an option of another call', pull({ tags: ['a'] }), '`tags` is not an option'],
  [
    'options that are no object',
    () => pullImage!('acme/app', 'quickly'),
    '`options` must be a plain object, got a string',
  ],
  ['options that are null', () => buildImage!(null), '`options` must be a plain object, got null'],
  ['an image that is no string', () => imageExists!(7), '`image` must be a string, got a number'],
  ['an image that is null', () => inspectImage!(null), '`image` must be a string, got null'],
  [
    'the options in the place of the image',
    () => pullImage!({}),
    '`image` must be a string, got an object',
  ],
  [
    'an engine that is no string',
    pull({ engine: 1 }),
    '`engine` must be a string that is not empty, got 1',
  ],
  ['an empty engine', pull({ engine: '' }), '`engine` must be a string that is not empty, got ""'],
  [
    'an empty folder',
    build({ contextDirectory: '' }),
    '`contextDirectory` must be a string that is not empty, got ""',
  ],
  [
    'a map in the place of an object',
    build({ buildArgs: new Map([['A', 'x']]) }),
    '`buildArgs` must be a plain object, got an object',
  ],
  [
    'an inherited field',
    build({ buildArgs: Object.create({ A: 'x' }) }),
    '`buildArgs` must be a plain object, got an object',
  ],
  [
    'a tag in the place of a version',
    build({ opencode: { version: 'latest' } }),
    '`opencode.version` must be an exact version like \'1.18.18\', got "latest"',
  ],
  [
    'a time that no image has',
    build({ dockerfileInline: 'FROM scratch', sourceDateEpoch: 253_402_300_800 }),
    '`sourceDateEpoch` must be an integer from 0 to 253402300799, got 253402300800',
  ],
  [
    'a limit that there is not',
    build({ dockerfileInline: 'FROM scratch', ulimits: { nope: 1 } }),
    'there is no limit `nope`',
  ],
  [
    'a host without an address',
    build({ dockerfileInline: 'FROM scratch', addHosts: ['db:nowhere'] }),
    '`db:nowhere` in `addHosts` has no IP address',
  ],
  [
    'an endpoint that is a path',
    pull({ engine: '/var/run/docker.sock' }),
    'a path has no scheme; write `unix:///var/run/docker.sock`',
  ],
  [
    'a hole in a list',
    // oxlint-disable-next-line no-sparse-arrays
    pull({ fallbacks: [, 'a'] }),
    '`fallbacks[0]` must be a string, got an undefined',
  ],
  [
    'a getter that throws',
    () =>
      pullImage!('acme/app', {
        get platform() {
          throw new Error('no')
        },
      }),
    'the options cannot be read',
  ],
  ['a signal that is none', pull({ signal: {} }), '`signal` must be an AbortSignal, got an object'],
  [
    'a listener that is no function',
    pull({ onProgress: [] }),
    '`onProgress` must be a function, got an array',
  ],
  [
    'an unknown display',
    pull({ progress: 'loud' }),
    "`progress` must be 'auto', 'tty', 'plain', 'json', 'quiet', got \"loud\"",
  ],
  [
    'a timeout of zero',
    pull({ timeouts: { connectMs: 0 } }),
    '`timeouts.connectMs` must be a number from 1 to 2147483647, got 0',
  ],
  [
    'a timeout without a number',
    pull({ timeouts: { stallMs: NaN } }),
    '`timeouts.stallMs` must be a number from 1 to 2147483647 or Infinity, got NaN',
  ],
  [
    'a connection without a limit',
    pull({ timeouts: { connectMs: Infinity } }),
    '`timeouts.connectMs` must be a number from 1 to 2147483647, got Infinity',
  ],
  [
    'a time as text',
    pull({ timeouts: { totalMs: '9' } }),
    '`timeouts.totalMs` must be a number from 1 to 2147483647 or Infinity, got "9"',
  ],
  [
    'no attempt',
    pull({ retry: { attempts: 0 } }),
    '`retry.attempts` must be an integer from 1 to 100, got 0',
  ],
  [
    'half an attempt',
    pull({ retry: { attempts: 1.5 } }),
    '`retry.attempts` must be an integer from 1 to 100, got 1.5',
  ],
  [
    'a negative wait',
    pull({ retry: { initialDelayMs: -1 } }),
    '`retry.initialDelayMs` must be a number from 0',
  ],
  [
    'a first wait above the longest',
    pull({ retry: { initialDelayMs: 2, maxDelayMs: 1 } }),
    '`retry.initialDelayMs` is above `retry.maxDelayMs`: 2 > 1',
  ],
  [
    'jitter as a number',
    pull({ retry: { jitter: 1 } }),
    '`retry.jitter` must be a boolean, got a number',
  ],
  [
    'fallbacks as text',
    pull({ fallbacks: 'ghcr.io/a/b' }),
    '`fallbacks` must be an array, got a string',
  ],
  [
    'a fallback that is no string',
    pull({ fallbacks: ['a', null] }),
    '`fallbacks[1]` must be a string, got null',
  ],
  ['a platform that is no platform', pull({ platform: 'li nux' }), 'platform'],
  ['an endpoint of another kind', pull({ engine: 'gopher://x' }), 'gopher'],
  [
    'a Dockerfile twice',
    build({ contextDirectory: '.', dockerfile: 'a', dockerfileInline: 'FROM scratch' }),
    '`dockerfile` contradicts `dockerfileInline`',
  ],
  [
    'files with a folder',
    build({ contextFiles: {}, contextDirectory: '.' }),
    '`contextDirectory` contradicts `contextFiles`: give one of them',
  ],
  [
    'a file that is no bytes',
    build({ contextFiles: { a: 7 } }),
    '`contextFiles.a` must be a string or a Uint8Array',
  ],
  [
    'several platforms beside one',
    build({ platforms: ['linux/amd64'], platform: 'linux/amd64' }),
    '`platforms` contradicts `platform`: give one of them',
  ],
  [
    'no cache at all beside none for some stages',
    build({ noCache: true, noCacheFilter: ['a'] }),
    '`noCache` contradicts `noCacheFilter`: give one of them',
  ],
  [
    'a secret that comes from two places',
    build({ secrets: { s: { file: 'a', value: 'hunter2' } } }),
    '`secrets.s` must have one of file, environment, value, got 2',
  ],
  [
    'a secret that comes from nowhere',
    build({ secrets: { s: {} } }),
    '`secrets.s` must have one of file, environment, value, got 0',
  ],
  [
    'a secret in an unset variable',
    build({ secrets: { s: { environment: 'SHIPWAY_UNSET' } } }),
    'the environment variable `SHIPWAY_UNSET` of the secret `s` is not set',
  ],
  [
    'a secret that is not there',
    build({ secrets: { s: { file: '/there/is/none' } } }),
    'cannot read the secret `s`: `/there/is/none`: no such file or directory',
  ],
  ['an agent that is nothing', build({ ssh: { default: '' } }), '`ssh.default` must be true'],
  [
    'a limit whose soft part is above its hard part',
    build({ ulimits: { nofile: { soft: 2, hard: 1 } } }),
    '`ulimits.nofile.soft` is above `ulimits.nofile.hard`',
  ],
  [
    'a limit without its hard part',
    build({ ulimits: { nofile: { soft: 2 } } }),
    '`ulimits.nofile.hard` is missing',
  ],
  ['half a byte', build({ shmSizeBytes: 0.5 }), '`shmSizeBytes` must be an integer from 1 to'],
  [
    'another builder',
    build({ builder: 'kaniko' }),
    "`builder` must be 'auto', 'buildkit', 'classic'",
  ],
  ['an entitlement that is none', build({ allow: ['all'] }), "`allow[0]` must be 'network.host'"],
  [
    'how much is told, in other words',
    build({ attestations: { provenance: 'all' } }),
    "`attestations.provenance` must be 'min', 'max'",
  ],
  [
    'a Dockerfile without a context',
    build({ dockerfile: 'Dockerfile' }),
    '`dockerfile` needs the context that it builds',
  ],
  [
    'settings of the embedded Dockerfile with a folder',
    build({ opencode: {}, contextDirectory: '.' }),
    '`opencode` contradicts `contextDirectory`',
  ],
  [
    'two contexts',
    build({ contextUrl: 'https://host/a.git', contextDirectory: '.' }),
    '`contextDirectory` contradicts `contextUrl`',
  ],
  ['a URL that is a folder', build({ contextUrl: './app' }), 'the context `./app` is no URL'],
  [
    'a URL that no engine fetches',
    build({ contextUrl: 'file:///srv/app' }),
    'the context `file:///srv/app` is no URL',
  ],
  [
    'settings of the embedded Dockerfile with a text',
    build({ opencode: {}, dockerfileInline: 'FROM scratch' }),
    '`opencode` contradicts `dockerfileInline`',
  ],
  [
    'a build argument that is no string',
    build({ buildArgs: { TOKEN: 12345 } }),
    '`buildArgs.TOKEN` must be a string, got a number',
  ],
  ['labels as a list', build({ labels: ['a=b'] }), '`labels` must be a plain object, got an array'],
  [
    'a host without an address',
    build({ addHosts: ['db'] }),
    '`addHosts[0]` must be a string like \'host:address\', got "db"',
  ],
  [
    'an unknown compression',
    build({ compression: 'zstd' }),
    "`compression` must be 'auto', 'gzip', 'none', got \"zstd\"",
  ],
  [
    'a certificate that is none',
    build({ opencode: { caCertificates: ['MIIB'] } }),
    'opencode.caCertificates[0]',
  ],
  [
    'a tag with a digest',
    build({ tags: [`a@sha256:${'0'.repeat(64)}`], dockerfileInline: 'FROM scratch' }),
    'digest',
  ],
  [
    'a proxy setting that is none',
    build({ opencode: { proxy: { ftp: 'x' } } }),
    '`opencode.proxy.ftp` is not an option; there are http, https, no',
  ],
  [
    'credentials of a look-up',
    () => imageExists!('a', { credentials: {} }),
    '`credentials` is not an option',
  ],
  [
    'credentials that are no object',
    pull({ credentials: 'canary-1b2c' }),
    '`credentials` must be a plain object, got a string',
  ],
  [
    'credentials for what is no registry',
    build({ credentials: { 'https://ada:canary-1b2c@ghcr.io': LOGIN } }),
    "the keys of `credentials` must be registries like 'ghcr.io' or 'localhost:5000'",
  ],
  [
    'credentials that are a text',
    pull({ credentials: { 'ghcr.io': 'canary-1b2c' } }),
    '`credentials.ghcr.io` must be a plain object, got a string',
  ],
  [
    'an unknown part of credentials',
    pull({ credentials: { 'ghcr.io': { ...LOGIN, token: 'canary-1b2c' } } }),
    '`credentials.ghcr.io.token` is not an option; there are identityToken, password,',
  ],
  [
    'a password that is no string',
    build({ credentials: { 'ghcr.io': { username: 'ada', password: ['canary-1b2c'] } } }),
    '`credentials.ghcr.io.password` must be a string that is not empty, got an array',
  ],
  [
    'an empty token',
    build({ credentials: { 'ghcr.io': { identityToken: '' } } }),
    '`credentials.ghcr.io.identityToken` must be a string that is not empty, got a string',
  ],
  ...[{}, { password: 'canary-1b2c' }, { ...LOGIN, identityToken: 'canary-1b2c' }].map(
    (credentials): (typeof REFUSED)[number] => [
      `credentials of ${Object.keys(credentials).join(' and ') || 'nothing'}`,
      pull({ credentials: { 'ghcr.io': credentials } }),
      '`credentials.ghcr.io` must have `username` and `password`, or',
    ],
  ),
  [
    'two credentials for one registry',
    pull({ credentials: { 'docker.io': LOGIN, 'https://index.docker.io/v1/': LOGIN } }),
    'there are two for `docker.io`',
  ],
  [
    'an output of an unknown type',
    build({ outputs: [{ type: 'zip', file: 'a' }] }),
    "`outputs[0].type` must be 'image', 'registry', 'local', 'tar', 'oci', 'docker', 'cacheonly', got \"zip\"",
  ],
  ['an output without a type', build({ outputs: [{}] }), '`outputs[0].type` must be'],
  ['an output as text', build({ outputs: ['out'] }), '`outputs[0]` must be a plain object'],
  [
    'an output without its place',
    build({ outputs: [{ type: 'image' }, { type: 'tar' }] }),
    '`outputs[1]` needs `file`',
  ],
  [
    'an output with the place of another',
    build({ outputs: [{ type: 'local', file: 'a' }] }),
    '`outputs[0].file` is not an option; there are attributes, directory, type',
  ],
  [
    'an attribute that is no string',
    build({ outputs: [{ type: 'image', attributes: { compression: 1 } }] }),
    '`outputs[0].attributes.compression` must be a string, got a number',
  ],
  [
    'an attribute that another option sets',
    build({ outputs: [{ type: 'image', attributes: { push: 'true' } }] }),
    'the attribute `push` of `outputs`',
  ],
  [
    'an image twice',
    build({ outputs: [{ type: 'image' }, { type: 'registry' }] }),
    'an image is asked for twice',
  ],
  [
    'nothing but the cache, and something else',
    build({ outputs: [{ type: 'cacheonly' }, { type: 'image' }] }),
    '`cacheonly` contradicts every other output',
  ],
  [
    'one file for two outputs',
    build({
      outputs: [
        { type: 'tar', file: 'a' },
        { type: 'oci', file: './a' },
      ],
    }),
    'two outputs go to',
  ],
  [
    'a push without a name',
    build({ dockerfileInline: 'FROM scratch', outputs: [{ type: 'registry' }] }),
    'an image that is pushed needs a tag',
  ],
  [
    'a cache of an unknown type',
    build({ cacheTo: [{ type: 'gha' }] }),
    "`cacheTo[0].type` must be 'registry', 'local', 'inline', got \"gha\"",
  ],
  [
    'an inline cache to take steps from',
    build({ cacheFrom: [{ type: 'inline' }] }),
    "`cacheFrom[0].type` must be 'registry', 'local', got \"inline\"",
  ],
  [
    'a cache without its place',
    build({ cacheFrom: [{ type: 'registry' }] }),
    '`cacheFrom[0]` needs `reference`',
  ],
  [
    'an archive and a folder',
    build({ contextArchive: 'a.tar', contextDirectory: '.' }),
    '`contextArchive` contradicts `contextDirectory`',
  ],
  [
    'a context that is no text',
    build({ contexts: { lib: ['a'] } }),
    '`contexts.lib` must be a string that is not empty, got an array',
  ],
  [
    'a context that is a target of bake',
    build({ contexts: { lib: 'target:lib' } }),
    'the context `target:lib` means a target of `docker buildx bake`',
  ],
  [
    'a context whose name no Dockerfile can have',
    build({ contexts: { Lib: '../lib' } }),
    'cannot name a context `Lib`',
  ],
]

for (const [what, call, message] of REFUSED) {
  test(`${what} is refused with INVALID_OPTION`, async () => {
    const error = await failure(call())
    assert.equal(error.code, 'INVALID_OPTION')
    assert.ok(error.message.includes(message), error.message)
    assert.equal(error.retryable, false)
    assert.ok(!inspect(error).includes('canary-1b2c'), error.message)
  })
}

test('a reference that does not parse is refused with INVALID_REFERENCE by every call', async () => {
  const options = { engine: engine.endpoint }
  const calls = [
    pullImage!('Acme/App', options),
    pullImage!('acme/app', { ...options, fallbacks: [''] }),
    buildImage!({ ...options, tags: ['a b'] }),
    imageExists!('', options),
    inspectImage!('a//b', options),
  ]
  for (const call of calls) assert.equal((await failure(call)).code, 'INVALID_REFERENCE')
})

test('a refused call has sent nothing to the engine', () => {
  assert.deepEqual(engine.requests, [])
})

test('a hint says where the options go', async () => {
  assert.equal((await failure(pullImage!({}))).hint, 'the options are the second argument')
})

test('a value of a build argument is in no message', async () => {
  const error = await failure(buildImage!({ buildArgs: { TOKEN: 12345 } }))
  assert.ok(!error.message.includes('12345'))
})

test('an option with the value undefined counts as absent', async () => {
  const options = { engine: engine.endpoint, signal: undefined, retry: { attempts: undefined } }
  assert.equal(await imageExists!('acme/app:9', options), false)
})

test('Infinity and null are no limit', async () => {
  for (const none of [Infinity, null]) {
    const timeouts = { stallMs: none, totalMs: none }
    assert.equal(await imageExists!('acme/app:9', { engine: engine.endpoint, timeouts }), false)
  }
})
