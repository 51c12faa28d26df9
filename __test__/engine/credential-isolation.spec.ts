import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, describe } from 'node:test'

import {
  type ProgressEvent,
  type RegistryCredentials,
  buildImage,
  pullImage,
} from '../../index.mjs'
import { found, hides } from '../helpers/canaries.ts'
import { setVariables, useDockerConfig } from '../helpers/docker-config.ts'
import { engines, forget, testBuildKitOf, testWithLab as test } from '../helpers/engines.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import {
  type GuardedRegistry,
  type GuardedRegistryOptions,
  startGuardedRegistry,
} from '../helpers/guarded-registry.ts'
import { forgetPushed, plainRegistry } from '../helpers/registry.ts'

const TINY = 'shipway/tiny:1'

/** A registry, and what it wants. */
interface Guarded extends GuardedRegistry {
  password: string
  credentials: RegistryCredentials
}

async function guarded(
  t: TestContext,
  how: Partial<GuardedRegistryOptions> & { token?: boolean },
): Promise<Guarded> {
  // With what base64 of the wrong kind breaks on, at every place.
  const password = `~?>${randomBytes(12).toString('base64url')}~?>ü`
  const { token, ...options } = how
  const registry = await startGuardedRegistry(t, {
    password,
    ...(token && { identityToken: password, password: 'none' }),
    ...options,
  })
  const credentials = token ? { identityToken: password } : { username: 'ada', password }
  return { ...registry, password, credentials }
}

const all = (registries: Guarded[]) =>
  Object.fromEntries(registries.map(({ host, credentials }) => [host, credentials]))

/** Checks that each registry was shown its own credentials, or tokens for them, and nothing of the others. */
function areApart(registries: Guarded[], ...others: string[]): void {
  for (const registry of registries) {
    const log = registry.requests.join('\n')
    const isShown = found(log, [registry.password, ...registry.tokens]).length > 0
    assert.ok(isShown, `${registry.host} was shown nothing:\n${log}`)
    const foreign = registries.filter((other) => other !== registry)
    const secrets = foreign.flatMap(({ password, tokens }) => tokens.concat(password))
    hides(log, [...secrets, ...others], registry.host)
  }
}

for (const engine of engines) {
  const options = { engine: engine.endpoint, retry: { attempts: 1 } }

  describe(`what registries see, with ${engine.name}`, () => {
    test('the sources of a pull see their own credentials, whichever of them serves', async (t) => {
      const registries = [
        await guarded(t, { basic: true }),
        await guarded(t, {}),
        await guarded(t, { token: true }),
      ]
      const [first, second, last] = registries as [Guarded, Guarded, Guarded]
      t.after(() => forget(engine, 'shipway/nowhere:isolation', `${last.host}/${TINY}`))
      const hub = { username: 'ada', password: 'of-docker-hub-~?>' }
      const ghcr = { username: 'ada', password: 'of-ghcr-~?>~?>' }
      const image = await pullImage('shipway/nowhere:isolation', {
        ...options,
        fallbacks: [
          'ghcr.io/shipway/nowhere:isolation',
          `${first.host}/shipway/nowhere:1`,
          `${second.host}/shipway/nowhere:1`,
          `${last.host}/${TINY}`,
        ],
        credentials: { ...all(registries), 'docker.io': hub, 'ghcr.io': ghcr },
      })
      assert.equal(image.source, `${last.host}/${TINY}`)
      areApart(registries, hub.password, ghcr.password)
    })

    const testBuild = testBuildKitOf(engine)
    testBuild(
      'the registries of a build see their own credentials: bases, caches and what is pushed to',
      async (t) => {
        const [base, other, cache, pushed] = [
          await guarded(t, {}),
          await guarded(t, { basic: true }),
          await guarded(t, { token: true }),
          await guarded(t, {}),
        ]
        const name = `face/isolation-${engine.name.replaceAll('.', '-')}`
        t.after(() => forgetPushed(`${plainRegistry}/${name}:1`, `${plainRegistry}/${name}:cache`))
        const events: ProgressEvent[] = []
        const image = await buildImage({
          ...options,
          dockerfileInline: `
          FROM ${base.host}/${TINY} AS base
          FROM ${other.host}/${TINY} AS other
          FROM scratch
          COPY --from=base / /base
          COPY --from=other / /other
          LABEL face.isolation=${randomBytes(4).toString('hex')}`,
          pull: true,
          tags: [`${pushed.host}/${name}:1`],
          credentials: all([base, other, cache, pushed]),
          cacheFrom: [{ type: 'registry', reference: `${cache.host}/${name}:cache` }],
          ...(engine.store === 'containerd' && {
            cacheTo: [{ type: 'registry' as const, reference: `${cache.host}/${name}:cache` }],
          }),
          outputs: [{ type: 'image', push: true }],
          onProgress: (batch) => void events.push(...batch),
        })
        t.after(() => forget(engine, `${pushed.host}/${name}:1`))
        areApart([base, other, cache, pushed])
        hides(
          { events, image },
          [base, other, cache, pushed].map(({ password }) => password),
          'it',
        )
      },
    )

    test('the classic builder is given the credentials of its base image alone', async (t) => {
      const base = await guarded(t, { basic: true })
      const other = await guarded(t, { basic: true })
      const auth = ({ password }: Guarded) => Buffer.from(`ada:${password}`).toString('base64')
      const auths = Object.fromEntries([base, other].map((one) => [one.host, { auth: auth(one) }]))
      await useDockerConfig(t, { auths })
      const image = await buildImage({
        ...options,
        builder: 'classic',
        pull: true,
        dockerfileInline: `ARG HOST\nFROM \${HOST}/${TINY}\nLABEL face.isolation=2\n`,
        buildArgs: { HOST: base.host },
      })
      t.after(() => forget(engine, String(image.imageId), `${base.host}/${TINY}`))
      areApart([base], other.password)
      assert.deepEqual(other.requests, [])
    })

    for (const [kind, password] of Object.entries({
      'with what base64 of the wrong kind breaks on': '~?>~?>~~??>>',
      'that is not ASCII': 'pässwörd-パスワード-🔑',
      'with what forms, URLs and JSON break on': ' +/&=%25:@#"\\\'<>;,',
      'that is very long': randomBytes(3000).toString('base64'),
    })) {
      test(`a password ${kind} is taken, in person and by a token server`, async (t) => {
        for (const how of [{ basic: true }, {}]) {
          const registry = await startGuardedRegistry(t, { password, ...how })
          const name = `${registry.host}/${TINY}`
          t.after(() => forget(engine, name))
          const credentials = { [registry.host]: { username: 'ada', password } }
          const image = await pullImage(name, { ...options, credentials })
          assert.equal(image.attempts.length, 1)
          const built = await buildImage({
            ...options,
            dockerfileInline: `FROM ${name}\nLABEL face.password=1\n`,
            pull: true,
            credentials,
          })
          t.after(() => forget(engine, String(built.imageId)))
        }
      })
    }

    test("Podman's auth.json is the last to be asked, and knows repositories apart", async (t) => {
      const registry = await guarded(t, {})
      const name = `${registry.host}/${TINY}`
      t.after(() => forget(engine, name))
      const entry = (password: string) => ({
        auth: Buffer.from(`ada:${password}`).toString('base64'),
      })
      const podman = (auths: object) => usePodmanFile(t, { auths })
      await useDockerConfig(t, {})
      await podman({
        [registry.host]: entry('of the whole registry'),
        [`${registry.host}/shipway`]: entry(registry.password),
        [`${registry.host}/other`]: entry('of another namespace'),
      })
      const image = await pullImage(name, options)
      assert.equal(image.attempts.length, 1)
      const built = await buildImage({
        ...options,
        dockerfileInline: `FROM ${name}\nLABEL face.podman=1\n`,
        pull: true,
      })
      t.after(() => forget(engine, String(built.imageId)))
      areApart([registry], 'of the whole registry', 'of another namespace')
      // What docker knows comes first.
      await useDockerConfig(t, { auths: { [registry.host]: entry(registry.password) } })
      await podman({ [`${registry.host}/shipway`]: entry('of somebody else') })
      await pullImage(name, options)
      areApart([registry], 'of somebody else')
    })
  })
}

async function usePodmanFile(t: TestContext, content: object): Promise<void> {
  const folder = await temporaryFolder(t, { 'auth.json': JSON.stringify(content) })
  setVariables(t, { REGISTRY_AUTH_FILE: `${folder}/auth.json` })
}
