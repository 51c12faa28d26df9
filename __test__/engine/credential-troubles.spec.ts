import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, describe } from 'node:test'

import {
  type BuildOptions,
  type ProgressEvent,
  type PullOptions,
  buildImage,
  ensureImage,
  pullImage,
} from '../../index.mjs'
import { hides } from '../helpers/canaries.ts'
import { useDockerConfig } from '../helpers/docker-config.ts'
import {
  type Engine,
  engines,
  forget,
  isPodman,
  testBuildKitOf,
  testWithLab as test,
} from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { type GuardedRegistry, startGuardedRegistry } from '../helpers/guarded-registry.ts'
import { plainRegistry } from '../helpers/registry.ts'

const TINY = 'shipway/tiny:1'
const CANARY = 'canary~?>-of-the-helper'

/** Helpers that are broken, each in its own way, by the name that the settings have for them. */
const BROKEN: Record<string, { name?: string; script?: string; reason: RegExp }> = {
  'is not there': { reason: /there is no such program on the PATH/ },
  fails: { script: 'exit 1', reason: /it failed with exit code 1/ },
  'prints the secret and fails': {
    script: `echo '${CANARY}'; echo '${CANARY}' >&2; exit 3`,
    reason: /it failed with exit code 3/,
  },
  'says what no helper says': {
    script: `echo '{"Secret": ["${CANARY}"]}'`,
    reason: /its answer is not what a credential helper says/,
  },
  'says a gigabyte': {
    // Nobody reads more than the first 64 KiB.
    script: `yes '${CANARY}' | head -c 1073741824`,
    reason: /it failed with exit code 141/,
  },
  'has a path for a name': { name: '../../face', reason: /its name is not one/ },
  'has an option for a name': { name: '-x', reason: /its name is not one/ },
  'has two commands for a name': { name: 'a;b', reason: /its name is not one/ },
}

/** What was told of a call: its attempts with what followed, and its warnings. */
function teller() {
  const events: ProgressEvent[] = []
  const told = (): string[] =>
    events.flatMap((event) => {
      if (event.type === 'warning') return [event.code]
      return event.type === 'attempt' ? [`${event.attempt} ${event.phase}`] : []
    })
  return { events, told, onProgress: (batch: ProgressEvent[]) => void events.push(...batch) }
}

for (const engine of engines) {
  const options = { engine: engine.endpoint, retry: { attempts: 1 } }

  const build = (reference: string, more: BuildOptions) =>
    buildImage({
      ...options,
      dockerfileInline: `FROM ${reference}\nLABEL face.troubles=1\n`,
      pull: true,
      ...more,
    })

  async function guarded(t: TestContext, how: Parameters<typeof startGuardedRegistry>[1]) {
    const registry = await startGuardedRegistry(t, how)
    t.after(() => forget(engine, `${registry.host}/${TINY}`))
    return registry
  }

  /** Has docker name a helper for `host`. */
  async function useHelper(t: TestContext, host: string, name: string, script?: string) {
    const settings = { credHelpers: { [host]: name } }
    const folder = await useDockerConfig(t, settings, { face: script ?? '' })
    if (script === undefined) await rm(path.join(folder, 'docker-credential-face'))
  }

  const testBuild = testBuildKitOf(engine)

  describe(`trouble with credentials on ${engine.name}`, () => {
    for (const [how, { name = 'face', script, reason }] of Object.entries(BROKEN)) {
      test(`a helper that ${how} is a warning where the image is public, and else the error`, async (t) => {
        const publicImage = `${plainRegistry}/${TINY}`
        const registry = await guarded(t, { password: 'right', basic: true })
        const { events, told, onProgress } = teller()
        await useHelper(t, plainRegistry, name, script)
        const pulled = await pullImage(publicImage, { ...options, onProgress })
        assert.deepEqual(told(), ['1 starting', 'CREDENTIAL_HELPER'])
        const [warning, ...others] = pulled.warnings
        assert.deepEqual(others, [])
        assert.match(String(warning?.message), reason)
        assert.match(String(warning?.message), /; the registry is asked without credentials$/)

        // The credentials that there are for another registry stay there.
        await useHelper(t, registry.host, name, script)
        const credentials = { [plainRegistry]: { username: 'ada', password: 'of-another' } }
        const pull = pullImage(`${registry.host}/${TINY}`, { ...options, onProgress, credentials })
        const error = await failure(pull)
        assert.equal(error.code, 'CREDENTIAL_HELPER', error.message)
        assert.match(error.message, reason)
        const cause = error.cause as { code?: string }
        assert.ok(['AUTH_REQUIRED', 'ACCESS_DENIED'].includes(String(cause.code)), error.message)
        assert.ok(registry.requests.length > 0)
        // Podman says so of somebody without credentials: a name and a password of no letters.
        const shown = registry.requests.join('\n').replaceAll('Authorization\nBasic Og==\n', '')
        assert.doesNotMatch(shown, /^authorization$/im)
        hides({ events, pulled }, [CANARY, 'of-another'], 'the pull')
        hides(error, [CANARY, 'of-another'], 'the error')
      })
    }

    testBuild('a build whose helper is broken is told so, and takes what is public', async (t) => {
      const registry = await guarded(t, { password: 'right', anonymous: 'public' })
      await useHelper(t, registry.host, 'face', `echo '${CANARY}'; exit 3`)
      const { events, told, onProgress } = teller()
      const image = await build(`${registry.host}/${TINY}`, { onProgress })
      t.after(() => forget(engine, String(image.imageId)))
      assert.deepEqual(told(), ['CREDENTIAL_HELPER'])
      assert.deepEqual(
        image.warnings.map(({ code }) => code),
        ['CREDENTIAL_HELPER'],
      )
      hides({ events, image }, [CANARY], 'the build')
    })

    for (const anonymous of ['refused', 'useless'] as const) {
      testBuild(
        `a build whose helper is broken fails with that where the image is not public (${anonymous})`,
        async (t) => {
          const registry = await guarded(t, { password: 'right', anonymous })
          await useHelper(t, registry.host, 'face', 'exit 3')
          for (const builder of ['buildkit', 'classic'] as const) {
            const error = await failure(build(`${registry.host}/${TINY}`, { builder }))
            assert.equal(error.code, 'CREDENTIAL_HELPER', `${builder}: ${error.message}`)
            assert.match(error.message, /it failed with exit code 3$/)
            assert.equal(error.registry, registry.host)
            const cause = error.cause as { code?: string }
            assert.ok(['AUTH_REQUIRED', 'ACCESS_DENIED'].includes(String(cause.code)))
          }
        },
      )
    }

    const stale = (registry: GuardedRegistry): PullOptions => ({
      credentials: { [registry.host]: { username: 'ada', password: CANARY } },
    })

    test('a public image that an old password hides is pulled without it', async (t) => {
      const registry = await guarded(t, { password: 'new', anonymous: 'public' })
      const { events, told, onProgress } = teller()
      const name = `${registry.host}/${TINY}`
      const image = await pullImage(name, { ...options, ...stale(registry), onProgress })
      const phases = ['1 starting', '1 retryingAnonymously', '2 starting', 'CREDENTIALS_REFUSED']
      assert.deepEqual(told(), phases)
      assert.equal(image.attempts.length, 2)
      assert.equal(image.warnings[0]?.code, 'CREDENTIALS_REFUSED')
      // The first try had no token.
      assert.equal(registry.manifests(200) > 0, true)
      assert.equal(tokensAsked(registry, (shown) => shown).length > 0, true)
      hides({ events, image }, [CANARY], 'the pull')
    })

    test('a public image that an old password hides is compared without it', async (t) => {
      const registry = await guarded(t, { password: 'new', anonymous: 'public' })
      const name = `${registry.host}/${TINY}`
      await pullImage(name, options)
      const image = await ensureImage(name, { ...options, ...stale(registry), policy: 'newer' })
      assert.equal(image.origin, isPodman(engine) ? 'pulled' : 'present')
      assert.deepEqual(
        image.warnings.map(({ code }) => code),
        ['CREDENTIALS_REFUSED'],
      )
      hides(image, [CANARY], 'the comparison')
    })

    for (const how of [
      { basic: true },
      { anonymous: 'refused' },
      { anonymous: 'useless' },
    ] as const) {
      test(`an image that neither an old password nor nobody gets is asked for twice (${JSON.stringify(how)})`, async (t) => {
        const registry = await guarded(t, { password: 'new', ...how })
        const { events, told, onProgress } = teller()
        const name = `${registry.host}/${TINY}`
        const next = `${plainRegistry}/${TINY}`
        const image = await pullImage(name, {
          ...options,
          ...stale(registry),
          fallbacks: [next],
          onProgress,
        })
        assert.equal(image.source, next)
        assert.deepEqual(told().slice(0, 4), [
          '1 starting',
          '1 retryingAnonymously',
          '2 starting',
          '2 fallingBack',
        ])
        const codes = image.attempts.map(({ code }) => code)
        assert.equal(codes.length, 3)
        assert.ok(
          codes.slice(0, 2).every((code) => /^A(UTH_REQUIRED|CCESS_DENIED)$/.test(`${code}`)),
        )
        assert.equal(pullsOf(engine, registry), 2, registry.requests.join('\n\n'))
        hides({ events, image }, [CANARY], 'the pull')

        const error = await failure(pullImage(name, { ...options, ...stale(registry) }))
        assert.equal(error.code, error.attempts?.[0]?.code)
        assert.equal(error.message, error.attempts?.[0]?.message)
        assert.match(String(error.hint), /the option `credentials` are not accepted/)
        hides(error, [CANARY], 'the error')
      })
    }

    testBuild('a build takes a public image that an old password hides without it', async (t) => {
      const registry = await guarded(t, { password: 'new', anonymous: 'public' })
      const { events, told, onProgress } = teller()
      const image = await build(`${registry.host}/${TINY}`, { ...stale(registry), onProgress })
      t.after(() => forget(engine, String(image.imageId)))
      assert.deepEqual(told(), ['CREDENTIALS_REFUSED'])
      assert.equal(image.warnings[0]?.code, 'CREDENTIALS_REFUSED')
      hides({ events, image }, [CANARY], 'the build')
    })

    for (const anonymous of ['refused', 'useless'] as const) {
      testBuild(
        `a build says that the password is old where nobody gets the image (${anonymous})`,
        async (t) => {
          const registry = await guarded(t, { password: 'new', anonymous })
          const error = await failure(build(`${registry.host}/${TINY}`, stale(registry)))
          assert.equal(error.code, 'AUTH_REQUIRED', error.message)
          assert.match(error.message, /cannot get a token for `127.+` from .*: it answered 401$/)
          hides(error, [CANARY], 'the error')
        },
      )
    }
  })
}

const [first] = engines

test('a helper that hangs is ended after ten seconds, once for a whole call', async (t) => {
  const engine = first as Engine
  const registry = await startGuardedRegistry(t, { password: 'right', anonymous: 'useless' })
  const settings = { credHelpers: { [registry.host]: 'face', [plainRegistry]: 'face' } }
  await useDockerConfig(t, settings, { face: 'sleep 600' })
  const options = { engine: engine.endpoint, retry: { attempts: 1 } }
  const name = `${registry.host}/${TINY}`
  const started = Date.now()
  const [pulled, refused, built] = await Promise.all([
    pullImage(`${plainRegistry}/${TINY}`, options),
    failure(pullImage(name, options)),
    failure(buildImage({ ...options, dockerfileInline: `FROM ${name}`, pull: true })),
  ])
  assert.ok(Date.now() - started < 20_000)
  assert.match(String(pulled.warnings[0]?.message), /it did not answer within 10 s/)
  for (const error of [refused, built]) {
    assert.equal(error.code, 'CREDENTIAL_HELPER', error.message)
    assert.match(error.message, /it did not answer within 10 s/)
  }
})

/** How often a token was asked for, by those who showed something or nothing. */
function tokensAsked(registry: GuardedRegistry, which: (shown: boolean) => boolean): string[] {
  const asked = registry.requests.filter((request) => /^\w+ \/token/.test(request))
  const shows = (request: string) =>
    /^authorization$/im.test(request) || /password=|refresh_token=/.test(request)
  return asked.filter((request) => which(shows(request)))
}

/** How many pulls of an engine the registry's log has: each begins with a look at the API, or at the manifest. */
function pullsOf({ store }: Engine, registry: GuardedRegistry): number {
  const beginnings = store === 'containerd' ? /^HEAD \/v2\/.+\/manifests\// : /^GET \/v2\/$/m
  const unknown = (request: string) => !/^authorization$/im.test(request)
  return registry.requests.filter((request) => beginnings.test(request) && unknown(request)).length
}
