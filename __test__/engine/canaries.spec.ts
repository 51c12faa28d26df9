import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe } from 'node:test'

import type { BuildOptions, CommonOptions } from '../../index.mjs'
import { hides } from '../helpers/canaries.ts'
import { setVariables, useDockerConfig } from '../helpers/docker-config.ts'
import { buildKitEngines, forget, testWithLab as test } from '../helpers/engines.ts'
import { startEngine } from '../helpers/fake-engine.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { type GuardedRegistryOptions, startGuardedRegistry } from '../helpers/guarded-registry.ts'
import { packageUrl, runNode } from '../helpers/run-node.ts'
import { runAtTerminal, whyNoTerminal } from '../helpers/terminal.ts'

const TINY = 'shipway/tiny:1'
const BASE = 'debian:bookworm-slim'

/** Ways to show progress: each engine is looked at in two of them, and every one of them at some engine. */
const MODES = whyNoTerminal ? ['plain', 'json', 'quiet'] : ['plain', 'tty', 'json', 'quiet']

/** A call of the package, and what must be seen of it: that the case is the one that is meant. */
interface Call {
  verb: 'pullImage' | 'buildImage' | 'checkBuild' | 'imageExists' | 'inspectImage'
  image?: string
  options: BuildOptions & CommonOptions
  shows: string
}

/** Makes the calls in `CALLS`, one after the other, and prints everything that can be seen of each. It names no secret. */
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { inspect } from 'node:util'
  import * as shipway from ${JSON.stringify(packageUrl)}
  const look = (value) =>
    inspect(value, { depth: 30, showHidden: true, maxStringLength: null, maxArrayLength: null })
  for (const { verb, image, options } of JSON.parse(readFileSync(process.env.CALLS, 'utf8'))) {
    const events = []
    const all = {
      ...options,
      progress: process.env.PROGRESS,
      onProgress: (batch) => void events.push(...batch),
    }
    const call = image === undefined ? shipway[verb](all) : shipway[verb](image, all)
    const outcome = await call.catch((error) => error)
    console.log(verb, image, look(outcome), JSON.stringify(outcome), JSON.stringify(events))
    for (let error = outcome; error instanceof Error; error = error.cause) {
      console.log(error.message, error.stack, String(error))
    }
  }
`

for (const [index, engine] of buildKitEngines.entries()) {
  describe(`canaries with ${engine.name}`, () => {
    test('no secret shows in anything that is printed, returned, thrown, passed or left', async (t) => {
      const secrets: string[] = []
      /** A secret that nothing else has, with what encodings break on. */
      const canary = (name: string) => {
        const secret = `canary-${name}~?>"ü&${randomBytes(9).toString('base64url')}`
        secrets.push(secret)
        return secret
      }
      const registry = (how: Partial<GuardedRegistryOptions> = {}) =>
        startGuardedRegistry(t, { password: canary('right'), ...how })
      const entry = (secret: string) => ({ auth: Buffer.from(`ada:${secret}`).toString('base64') })

      // Those that know who asks, and repeat all that they are shown where they do not.
      const [open, basic, identity, bearer, broken, helped, variable, podman, docker, old, away] =
        await Promise.all([
          registry(),
          registry({ basic: true }),
          registry(),
          registry(),
          registry(),
          registry(),
          registry(),
          registry({ basic: true }),
          registry({ basic: true }),
          registry({ anonymous: 'public' }),
          registry({ realm: 'https://auth.invalid/token' }),
        ])
      const echo = (answer: { rawHeaders: string[] }) => ({
        message: `denied: ${answer.rawHeaders.join(': ')}`,
      })
      const fake = await startEngine({
        pull: (response, request) => response.writeHead(403).end(JSON.stringify(echo(request))),
        build: (response, request) => {
          request.resume()
          response.writeHead(403).end(JSON.stringify(echo(request)))
        },
      })
      t.after(() => fake.close())

      const passedFolder = await temporaryFolder(t)
      const noteArguments = `cat /proc/$$/cmdline /proc/$PPID/cmdline > ${passedFolder}/$$\n`
      const kept = JSON.stringify({ Username: 'ada', Secret: canary('helper') })
      const printed = canary('printed')
      const proxy = `http://ada:${encodeURIComponent(canary('proxy'))}@127.0.0.1:9`
      await useDockerConfig(
        t,
        {
          auths: { [docker.host]: entry(canary('entry')) },
          credHelpers: { [broken.host]: 'broken', [helped.host]: 'good' },
          proxies: { default: { httpProxy: proxy } },
        },
        {
          broken: `${noteArguments}echo '${printed}'; echo '${printed}' >&2; exit 3`,
          good: `${noteArguments}echo '${kept}'`,
        },
      )
      const files = await temporaryFolder(t, {
        'auth.json': JSON.stringify({ auths: { [podman.host]: entry(canary('podman')) } }),
        secret: canary('file'),
      })
      const left = await temporaryFolder(t)
      const auths = { [variable.host]: entry(canary('variable')) }
      setVariables(t, {
        DOCKER_AUTH_CONFIG: JSON.stringify({ auths }),
        REGISTRY_AUTH_FILE: path.join(files, 'auth.json'),
        HTTPS_PROXY: `http://ada:${encodeURIComponent(canary('https'))}@127.0.0.1:9`,
        // What an engine is sent with every request: the engine above repeats it.
        DOCKER_CUSTOM_HEADERS: `x-canary=${canary('header').replaceAll('"', '')}`,
        SHIPWAY_CANARY: canary('environment'),
        TMPDIR: left,
      })
      const credentials = {
        [open.host]: { username: 'ada', password: secrets[0] ?? '' },
        [basic.host]: { username: 'ada', password: canary('basic') },
        [identity.host]: { identityToken: canary('identity') },
        [bearer.host]: { registryToken: canary('bearer') },
        [old.host]: { username: 'ada', password: canary('old') },
        [away.host]: { username: 'ada', password: canary('away') },
        'echo.example': { username: 'ada', password: canary('echo') },
      }
      const options = { engine: engine.endpoint, retry: { attempts: 1 }, credentials }
      const echoes = { ...options, engine: fake.endpoint }
      const name = ({ host }: { host: string }) => `${host}/${TINY}`
      const tags = [open, old].map(name)
      t.after(() => forget(engine, ...tags, 'face/canaries:1'))

      const pull = (from: { host: string }, shows: string): Call => ({
        verb: 'pullImage',
        image: name(from),
        options,
        shows,
      })
      const build = (dockerfileInline: string, more: BuildOptions, shows: string): Call => ({
        verb: 'buildImage',
        options: { ...options, dockerfileInline, pull: true, ...more },
        shows,
      })
      const from = (from: { host: string }, shows: string, more: BuildOptions = {}) =>
        build(
          `FROM ${name(from)}\nLABEL face.canaries=1\n`,
          { tags: ['face/canaries:1'], ...more },
          shows,
        )
      const refusals = [basic, identity, bearer, helped, variable, podman, docker]
      const step = (end: string) =>
        `FROM ${BASE}\nARG TOKEN\nRUN --mount=type=secret,id=file --mount=type=secret,id=value --mount=type=secret,id=variable cat /run/secrets/*; echo "$TOKEN $HTTP_PROXY"; echo "the step has run"; ${end}\n`
      const given: BuildOptions = {
        buildArgs: { TOKEN: canary('argument') },
        secrets: {
          file: { file: path.join(files, 'secret') },
          value: { value: canary('value') },
          variable: { environment: 'SHIPWAY_CANARY' },
        },
        network: 'host',
        noCache: true,
        pull: false,
        tags: ['face/canaries:1'],
      }
      const url = `http://ada:${encodeURIComponent(canary('url'))}@127.0.0.1:9/a.git`
      const calls: Call[] = [
        pull(open, 'imageId'),
        pull(old, 'CREDENTIALS_REFUSED'),
        pull(broken, 'CREDENTIAL_HELPER'),
        ...refusals.map((registry) => pull(registry, "code: 'A")),
        from(open, 'imageId'),
        from(old, 'CREDENTIALS_REFUSED'),
        from(broken, 'CREDENTIAL_HELPER'),
        from(away, 'auth.invalid'),
        from(basic, "code: 'A", { builder: 'classic' }),
        ...refusals.map((registry) => from(registry, "code: 'A")),
        build(step('true'), given, 'the step has run'),
        build(step('exit 7'), given, 'exitCode: 7'),
        build('RUN nonsense $TOKEN', given, 'DOCKERFILE_INVALID'),
        { verb: 'buildImage', options: { ...options, contextUrl: url }, shows: "code: '" },
        {
          verb: 'checkBuild',
          options: { ...options, dockerfileInline: step('true'), ...given },
          shows: 'warnings: ',
        },
        {
          verb: 'imageExists',
          image: name(basic),
          options: { engine: engine.endpoint },
          shows: 'false',
        },
        {
          verb: 'inspectImage',
          image: name(open),
          options: { engine: engine.endpoint },
          shows: 'imageId',
        },
        { verb: 'pullImage', image: 'echo.example/a:1', options: echoes, shows: 'denied: ' },
        {
          verb: 'buildImage',
          options: { ...echoes, builder: 'classic', dockerfileInline: 'FROM echo.example/a:1' },
          shows: 'denied: ',
        },
      ]
      const file = path.join(files, 'calls.json')
      await writeFile(file, JSON.stringify(calls))
      setVariables(t, { CALLS: file })

      const modes = [0, 1].map((next) => MODES[(index + next) % MODES.length] ?? 'plain')
      for (const { mode, code, told } of await Promise.all(modes.map((mode) => run(mode, left)))) {
        assert.equal(code, 0, told)
        for (const { verb, image, shows } of calls) {
          assert.ok(
            told.includes(shows),
            `${mode}: ${verb} ${image} does not show ${shows}:\n${told}`,
          )
        }
        // What was repeated was hidden, and not absent.
        assert.match(told, /denied: [^\n]*x-registry-auth: \*\*\*/i, mode)
        assert.match(told, /denied: [^\n]*x-registry-config: \*\*\*/i, mode)
        // The containerd image store keeps to itself what registries say.
        if (engine.store === 'graphdriver') {
          assert.match(told, /authentication required: (Basic|Bearer) \*\*\*/, mode)
        }
        hides(told, secrets, mode)
      }

      const passed = await Promise.all(
        (await readdir(passedFolder)).map((name) =>
          readFile(path.join(passedFolder, name), 'utf8'),
        ),
      )
      assert.ok(passed.some((line) => line.includes('docker-credential-good')))
      hides(passed.join('\n'), secrets, 'arguments')
      assert.deepEqual(await readdir(left), [], 'nothing is left')
    })
  })
}

async function run(mode: string, cwd: string) {
  if (mode === 'tty') {
    const { code, screen } = await runAtTerminal(`process.env.PROGRESS = 'tty'\n${PROGRAM}`)
    return { mode, code, told: screen }
  }
  const { code, stdout, stderr } = await runNode(PROGRAM, { env: { PROGRESS: mode }, cwd })
  return { mode, code, told: `${stdout}\n${stderr}` }
}
