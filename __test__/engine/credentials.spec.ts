import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { type TestContext, describe } from 'node:test'
import { inspect } from 'node:util'

import {
  type BuildOptions,
  type ProgressEvent,
  type RegistryCredentials,
  buildImage,
  pullImage,
} from '../../index.mjs'
import { setVariables, useDockerConfig } from '../helpers/docker-config.ts'
import {
  type Engine,
  engines,
  forget,
  isPodman,
  testBuildKitOf,
  testWithLab as test,
} from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { packageUrl, runNode } from '../helpers/run-node.ts'
import {
  type TokenRegistry,
  type TokenRegistryOptions,
  startTokenRegistry,
} from '../helpers/token-registry.ts'

/** A password with what base64 of the wrong kind, forms and headers break on. */
const PASSWORD = 'hünter2~?>+/ &=%'

/** What the password looks like wherever it travels. */
const DISGUISES = [
  PASSWORD,
  encodeURIComponent(PASSWORD),
  Buffer.from(`ada:${PASSWORD}`).toString('base64'),
  Buffer.from(PASSWORD).toString('base64'),
  'nter2',
]

for (const engine of engines) {
  const options = { engine: engine.endpoint, retry: { attempts: 1 } }
  const builds = (registry: TokenRegistry): BuildOptions => ({
    ...options,
    dockerfileInline: `FROM ${registry.reference}\nLABEL face.credentials=1\n`,
  })

  // Podman is given the passwords, and gets its tokens by itself.
  const testBuildKit = testBuildKitOf(engine)

  async function registryFor(t: TestContext, how: TokenRegistryOptions): Promise<TokenRegistry> {
    const registry = await startTokenRegistry(how)
    t.after(() => registry.close())
    t.after(() => forget(engine, registry.reference))
    return registry
  }

  describe(`credentials with ${engine.name}`, () => {
    for (const how of [{}, { oauth: false }] satisfies TokenRegistryOptions[]) {
      const kind = 'oauth' in how ? 'without OAuth' : 'with OAuth'
      testBuildKit(
        `a build gets a token from a server ${kind}, and the password stays here`,
        async (t) => {
          const registry = await registryFor(t, { ...how, password: PASSWORD })
          const log = await logFrom(engine)
          const events: ProgressEvent[] = []
          const image = await buildImage({
            ...builds(registry),
            credentials: { [registry.host]: { username: 'ada', password: PASSWORD } },
            onProgress: (batch) => void events.push(...batch),
          })
          t.after(() => forget(engine, String(image.imageId)))
          const asked = registry.requests.filter((request) => /^\w+ \/token/.test(request))
          assert.ok(asked.length > 0)
          assert.ok(asked.every((request) => !registry.fromEngine().includes(request)))
          // The engine has used the token, and nothing else.
          const used = registry.fromEngine().join('\n')
          assert.ok(registry.tokens.some((token) => used.includes(`Bearer ${token}`)))
          hides({ used, log: await log(), events, image })
        },
      )
    }

    testBuildKit(
      'a token is used again for those who have the same credentials, and for nobody else',
      async (t) => {
        await useDockerConfig(t, {})
        const registry = await registryFor(t, { password: PASSWORD })
        const build = (password?: string) =>
          buildImage({
            ...builds(registry),
            ...(password && { credentials: { [registry.host]: { username: 'ada', password } } }),
          })
        const image = await build(PASSWORD)
        t.after(() => forget(engine, String(image.imageId)))
        const given = registry.tokens.length
        await build(PASSWORD)
        assert.equal(registry.tokens.length, given)
        for (const other of ['a wrong one', undefined]) {
          const error = await failure(build(other))
          assert.equal(error.code, 'AUTH_REQUIRED')
        }
      },
    )

    test('a build without credentials gets the tokens that anybody gets', async (t) => {
      await useDockerConfig(t, {})
      const registry = await registryFor(t, { open: true })
      const image = await buildImage(builds(registry))
      t.after(() => forget(engine, String(image.imageId)))
      assert.equal(registry.tokens.length > 0, true)
    })

    test('a build logs in where a registry wants the password itself', async (t) => {
      const registry = await registryFor(t, { basic: true, password: PASSWORD })
      const image = await buildImage({
        ...builds(registry),
        credentials: { [registry.host]: { username: 'ada', password: PASSWORD } },
      })
      t.after(() => forget(engine, String(image.imageId)))
    })

    testBuildKit('a build logs in with an identity token, and with a registry token', async (t) => {
      for (const token of [{ identityToken: 'refresh-me' }, { registryToken: 'as-i-am' }]) {
        const registry = await registryFor(t, { password: 'none', ...token })
        const image = await buildImage({
          ...builds(registry),
          credentials: { [registry.host]: token as RegistryCredentials },
        })
        t.after(() => forget(engine, String(image.imageId)))
        const used = registry.fromEngine().join('\n')
        assert.equal(used.includes('refresh-me'), false)
      }
    })

    test('a build leaves the login to the engine where the environment says so', async (t) => {
      const registry = await registryFor(t, { password: PASSWORD })
      setVariables(t, { BUILDKIT_NO_CLIENT_TOKEN: '1' })
      const image = await buildImage({
        ...builds(registry),
        credentials: { [registry.host]: { username: 'ada', password: PASSWORD } },
      })
      t.after(() => forget(engine, String(image.imageId)))
      assert.ok(registry.fromEngine().some((request) => /^\w+ \/token/.test(request)))
    })

    test('a build and a pull use what docker knows: an entry, a helper, a variable', async (t) => {
      const auth = Buffer.from(`ada:${PASSWORD}`).toString('base64')
      const kept = JSON.stringify({ Username: 'ada', Secret: PASSWORD })
      const known: [string, (host: string, t: TestContext) => Promise<unknown>][] = [
        ['an entry', (host) => useDockerConfig(t, { auths: { [host]: { auth } } })],
        [
          'an old entry',
          (host) => useDockerConfig(t, { auths: { [`http://${host}/v1/`]: { auth } } }),
        ],
        [
          'a helper',
          (host) =>
            useDockerConfig(t, { credHelpers: { [host]: 'face' } }, { face: `echo '${kept}'` }),
        ],
        [
          'the helper of all',
          // `docker login` leaves the registry's name in the file.
          (host) =>
            useDockerConfig(
              t,
              { auths: { [host]: {} }, credsStore: 'face' },
              { face: `echo '${kept}'` },
            ),
        ],
        [
          'the variable',
          async (host) => {
            await useDockerConfig(t, {})
            const auths = { [host]: { auth } }
            setVariables(t, { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) })
          },
        ],
      ]
      for (const [name, know] of known) {
        const registry = await registryFor(t, { password: PASSWORD })
        await know(registry.host, t)
        const image = await buildImage(builds(registry))
        t.after(() => forget(engine, String(image.imageId)))
        const pulled = await pullImage(registry.reference, options)
        assert.match(pulled.imageId, /^sha256:/, name)
        delete process.env['DOCKER_AUTH_CONFIG']
      }
    })

    test('a pull shows a registry its own password and no other', async (t) => {
      const registry = await registryFor(t, { basic: true, password: PASSWORD })
      const other = await registryFor(t, { basic: true, password: 'another' })
      const credentials = { [registry.host]: { username: 'ada', password: PASSWORD } }
      const image = await pullImage(registry.reference, { ...options, credentials })
      assert.equal(image.source, registry.reference)

      const error = await failure(pullImage(other.reference, { ...options, credentials }))
      assert.equal(error.code, 'AUTH_REQUIRED')
      hides({ seen: other.requests, error })
    })

    test('a build is given the proxies of docker, whose passwords show in nothing', async (t) => {
      const proxy = `http://ada:${encodeURIComponent(PASSWORD)}@127.0.0.1:9`
      const proxies = { default: { httpProxy: proxy, noProxy: 'a,b' } }
      await useDockerConfig(t, { proxies })
      const events: ProgressEvent[] = []
      const image = await buildImage({
        ...options,
        dockerfileInline:
          'FROM debian:bookworm-slim\nRUN echo "$HTTP_PROXY $http_proxy $no_proxy $HTTPS_PROXY."\n',
        buildArgs: { no_proxy: 'c' },
        network: 'host',
        noCache: true,
        onProgress: (batch) => void events.push(...batch),
      })
      t.after(() => forget(engine, String(image.imageId)))
      const logs = events.flatMap((event) => (event.type === 'log' ? [event.text] : []))
      const masked = 'http://***@127.0.0.1:9'
      assert.ok(logs.includes(`${masked} ${masked} c .`), logs.join('\n'))
      hides({ events, image })
    })

    test('what a program prints shows no password, whatever it prints', async (t) => {
      const registry = await registryFor(t, { password: 'the right one' })
      const other = await registryFor(t, { password: 'the right one' })
      const helper = `echo '${PASSWORD}' >&2; exit 3`
      await useDockerConfig(t, { credHelpers: { [other.host]: 'face' } }, { face: helper })
      const calls = {
        credentials: { [registry.host]: { username: 'ada', password: PASSWORD } },
        engine: engine.endpoint,
      }
      for (const progress of ['plain', 'json']) {
        const program = `
          import { inspect } from 'node:util'
          import { buildImage, pullImage } from ${JSON.stringify(packageUrl)}
          const options = { ...${JSON.stringify(calls)}, progress: '${progress}' }
          for (const name of ['${registry.reference}', '${other.reference}']) {
            for (const call of [
              () => buildImage({ ...options, dockerfileInline: 'FROM ' + name }),
              () => pullImage(name, options),
            ]) console.log(inspect(await call().catch((error) => error)))
          }`
        const { code, stdout, stderr } = await runNode(program)
        assert.equal(code, 0, stderr)
        assert.match(stdout, /CREDENTIAL_HELPER/)
        hides({ stdout, stderr })
      }
    })

    test('settings of docker that are broken are a warning, and nobody is logged in', async (t) => {
      await useDockerConfig(t, `{"auths": ${PASSWORD}`)
      const events: ProgressEvent[] = []
      const image = await buildImage({
        ...options,
        dockerfileInline: 'FROM scratch\nLABEL face.broken=1\n',
        onProgress: (batch) => void events.push(...batch),
      })
      t.after(() => forget(engine, String(image.imageId)))
      const codes = image.warnings.map(({ code }) => code)
      assert.deepEqual(codes, ['DOCKER_CONFIG_INVALID'])
      assert.ok(events.some((event) => event.type === 'warning' && event.code === codes[0]))
      hides({ image, events })
    })

    test('a wrong password is AUTH_REQUIRED and shows in nothing', async (t) => {
      const registry = await registryFor(t, { password: 'the right one' })
      const credentials = { [registry.host]: { username: 'ada', password: PASSWORD } }
      for (const call of [
        (all: object) => buildImage({ ...builds(registry), ...all }),
        (all: object) => pullImage(registry.reference, { ...options, ...all }),
      ]) {
        const events: ProgressEvent[] = []
        const onProgress = (batch: ProgressEvent[]) => void events.push(...batch)
        const error = await failure(call({ credentials, onProgress }))
        assert.ok(['AUTH_REQUIRED', 'ACCESS_DENIED'].includes(error.code), error.message)
        hides({ error, events })
      }
      const error = await failure(buildImage({ ...builds(registry), credentials }))
      assert.equal(error.code, 'AUTH_REQUIRED')
      if (isPodman(engine)) return
      assert.equal(error.registry, registry.host)
      assert.match(error.message, /cannot get a token for `127\.0\.0\.1:\d+` from `http:.*\/token`/)
    })

    test('a token server that fails is REGISTRY_ERROR, whatever it repeats', async (t) => {
      const registry = await registryFor(t, { password: 'none', refusal: 500 })
      const credentials = { [registry.host]: { username: 'ada', password: PASSWORD } }
      const error = await failure(buildImage({ ...builds(registry), credentials }))
      assert.equal(error.code, 'REGISTRY_ERROR')
      hides({ error })
    })

    test('a helper that fails is CREDENTIAL_HELPER, and what it prints shows in nothing', async (t) => {
      const registry = await registryFor(t, { password: PASSWORD })
      const helper = `echo '${PASSWORD}'; echo '${PASSWORD}' >&2; exit 3`
      await useDockerConfig(t, { credHelpers: { [registry.host]: 'face' } }, { face: helper })
      const pull = () => pullImage(registry.reference, options)
      // The classic builder is given all that is known, and never asks.
      for (const call of isPodman(engine) ? [pull] : [() => buildImage(builds(registry)), pull]) {
        const error = await failure(call())
        assert.equal(error.code, 'CREDENTIAL_HELPER')
        assert.match(error.message, /`docker-credential-face`: it failed with exit code 3/)
        hides({ error })
      }
    })
  })
}

/** Remembers where the engine's log ends; the function reads what has come since. */
async function logFrom({ logFile }: Engine): Promise<() => Promise<string>> {
  if (!logFile) return async () => ''
  const { size } = await stat(logFile)
  return async () => (await readFile(logFile)).subarray(size).toString()
}

/** Checks that the password shows in none of the values, however they are looked at. */
function hides(values: Record<string, unknown>): void {
  for (const [where, value] of Object.entries(values)) {
    for (const text of [...shown(value), inspect(value, { depth: 20, showHidden: true })]) {
      for (const word of DISGUISES) assert.equal(text.includes(word), false, `${word} in ${where}`)
    }
  }
}

function shown(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (!(value instanceof Error)) return [JSON.stringify(value)]
  const causes = value.cause === undefined ? [] : shown(value.cause)
  return [value.message, String(value.stack), JSON.stringify(value), ...causes]
}
