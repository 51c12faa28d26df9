import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe } from 'node:test'
import { Worker } from 'node:worker_threads'

import {
  type EnsureOptions,
  type LayerEvent,
  type ProgressEvent,
  type ReadyImage,
  type StepEvent,
  type TotalEvent,
  ensureImage,
  imageExists,
  inspectImage,
  pullImage,
} from '../../index.mjs'
import { startFaultRegistry } from '../../lab/fault-registry.mjs'
import { startProxy } from '../helpers/engine-proxy.ts'
import {
  type Engine,
  ask,
  engines,
  forget,
  isPodman,
  lab,
  testWithLab as test,
} from '../helpers/engines.ts'
import { failure, rejection } from '../helpers/failure.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import { packageUrl } from '../helpers/run-node.ts'

/** The request line of a pull. */
const PULL = /^POST (\/v[\d.]+)?\/images\/create/

const retry = { attempts: 3, initialDelayMs: 1, jitter: false }

for (const engine of engines) {
  // A gated pull may wait for its turn at an engine that has other gated pulls.
  const timeouts = { stallMs: null }
  const options: EnsureOptions = { engine: engine.endpoint, retry, timeouts }

  describe(`ensureImage with ${engine.name}`, () => {
    test('makes one pull of twenty parallel calls, some of which leave', async (t) => {
      const { registry, proxy } = await start(t, engine)
      const reasons = [0, 5, 10].map((index) => ({ index, reason: new Error(`left: ${index}`) }))
      const calls = Array.from({ length: 20 }, (_, index) => {
        const leaver = reasons.find((each) => each.index === index)
        const controller = new AbortController()
        const events: ProgressEvent[] = []
        const settled = ensureImage(registry.reference, {
          ...options,
          engine: proxy.endpoint,
          signal: controller.signal,
          onProgress(batch) {
            events.push(...batch)
            if (!isDownloading(events)) return
            isTold[index] = true
            if (leaver) controller.abort(leaver.reason)
            if (isTold.every(Boolean)) registry.open()
          },
        })
        const outcome = leaver ? rejection(settled) : settled
        return { outcome, events, leaver }
      })
      // The gate is opened once each has been told of bytes.
      const isTold = calls.map(() => false)
      const images = new Set<string>()
      const totals = new Set<string>()
      const outcomes = await Promise.all(calls.map(({ outcome }) => outcome))
      for (const [index, { events, leaver }] of calls.entries()) {
        if (leaver) {
          assert.equal(outcomes[index], leaver.reason)
          continue
        }
        const image = outcomes[index] as ReadyImage
        assert.equal(image.origin, 'pulled')
        assert.equal(image.source, registry.reference)
        images.add(image.imageId)
        totals.add(lastTotal(events))
        assert.deepEqual(
          lastOfEachLayer(events).map(({ state }) => state),
          ['complete', 'complete'],
        )
      }
      assert.equal(images.size, 1)
      assert.equal(totals.size, 1, [...totals].join())
      assert.deepEqual(registry.layerRequests(), [1, 1])
      const pulls = proxy.lines.filter((line) => PULL.test(line))
      assert.equal(pulls.length, 1)
      t.diagnostic(`20 calls, ${pulls.length} pull, ${registry.requests.length} requests`)
    })

    test('tells who comes late where everything stands, and neither end is the other’s', async (t) => {
      const { registry } = await start(t, engine)
      const first = new AbortController()
      const [downloading, joined] = [bell(), bell()]
      const told: ProgressEvent[] = []
      const early = ensureImage(registry.reference, {
        ...options,
        signal: first.signal,
        onProgress: whenDownloading(downloading.ring),
      })
      await downloading.rung
      const late = ensureImage(registry.reference, {
        ...options,
        onProgress(batch) {
          told.push(...batch)
          if (isDownloading(told)) joined.ring()
        },
      })
      await joined.rung
      first.abort('early')
      assert.equal(await rejection(early), 'early')
      const [attempt, ...others] = told
      assert.ok(attempt?.type === 'attempt' && attempt.phase === 'starting')
      assert.ok(others.some(({ type }) => type === 'total'))
      registry.open()
      assert.equal((await late).origin, 'pulled')
      assert.equal(lastOfEachLayer(told).length, 2)
      const total = told.findLast((event): event is TotalEvent => event.type === 'total')
      assert.deepEqual([total?.layersDone, total?.layersTotal], [2, 2])
      assert.deepEqual(registry.layerRequests(), [1, 1])
    })

    test('cancels the pull when the last call has left, and the next call begins anew', async (t) => {
      const { registry, proxy } = await start(t, engine)
      const controllers = [new AbortController(), new AbortController()]
      const downloading = controllers.map(bell)
      const calls = controllers.map(({ signal }, index) =>
        ensureImage(registry.reference, {
          ...options,
          engine: proxy.endpoint,
          signal,
          onProgress: whenDownloading(downloading[index]!.ring),
        }),
      )
      await Promise.all(downloading.map(({ rung }) => rung))
      controllers[0]!.abort(0)
      assert.equal(await rejection(calls[0]!), 0)
      assert.equal(proxy.open(), 1, 'the pull goes on')
      controllers[1]!.abort(1)
      assert.equal(await rejection(calls[1]!), 1)
      await proxy.idle()
      await registry.idle()
      assert.equal(await imageExists(registry.reference, options), false)
      registry.open()
      const image = await ensureImage(registry.reference, options)
      assert.equal(image.origin, 'pulled')
      assert.equal(image.attempts.length, 1)
    })

    test('takes no chart for an image, although an engine keeps it', async (t) => {
      const registry = await startFaultRegistry()
      t.after(registry.close)
      const chart = registry.reference('helm', 'ensure')
      t.after(() => forget(engine, chart))
      for (const time of ['first', 'second']) {
        const error = await failure(ensureImage(chart, options))
        assert.equal(error.code, 'UNSUPPORTED_IMAGE', `${time}: ${error.message}`)
      }
    })

    test('asks no registry for what is there, under its name or under that of a fallback', async (t) => {
      const { registry } = await start(t, engine)
      registry.open()
      const pulled = await pullImage(registry.reference, options)
      const asked = registry.requests.length
      for (const policy of ['missing', 'never'] as const) {
        const image = await ensureImage(registry.reference, { ...options, policy })
        assert.equal(image.origin, 'present')
        assert.equal(image.imageId, pulled.imageId)
        assert.equal(image.digest, pulled.digest)
        assert.deepEqual([image.attempts, image.warnings], [[], []])
      }
      const other = 'ghcr.io/face/ensure-other:1'
      t.after(() => forget(engine, other))
      const named = await ensureImage(other, { ...options, fallbacks: [registry.reference] })
      assert.deepEqual(
        [named.reference, named.origin, named.source, named.imageId],
        [other, 'present', registry.reference, pulled.imageId],
      )
      assert.equal(await imageExists(other, options), true)
      const pinned = `${registry.reference.slice(0, -2)}@${pulled.digest}`
      assert.equal((await ensureImage(pinned, options)).origin, 'present')
      assert.equal(registry.requests.length, asked)

      const wrong = pinned.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
      const error = await failure(ensureImage(wrong, { ...options, policy: 'never' }))
      assert.equal(error.code, 'IMAGE_NOT_FOUND')
      assert.equal(registry.requests.length, asked)
    })

    test('fails at once under `never`, without a request', async (t) => {
      const { registry } = await start(t, engine)
      const error = await failure(ensureImage(registry.reference, { ...options, policy: 'never' }))
      assert.equal(error.code, 'IMAGE_NOT_FOUND')
      assert.equal(error.operation, 'ensureImage')
      assert.equal(error.attempts, undefined)
      assert.match(String(error.hint), /policy `missing`/)
      assert.deepEqual(registry.requests, [])
    })

    test('pulls under `newer` what the registry has another of, and keeps what is there without it', async (t) => {
      const { registry, proxy } = await start(t, engine)
      registry.open()
      const newer: EnsureOptions = { ...options, engine: proxy.endpoint, policy: 'newer' }
      const first = await ensureImage(registry.reference, newer)
      assert.equal(first.origin, 'pulled')
      const pulls = () => proxy.lines.filter((line) => PULL.test(line)).length
      assert.equal(pulls(), 1)

      const same = await ensureImage(registry.reference, newer)
      // Podman cannot be asked what the registry has, so it finds out by a pull.
      const isBlind = isPodman(engine)
      const origin = isBlind ? 'pulled' : 'present'
      const asked = isBlind ? 2 : 1
      assert.deepEqual([same.origin, same.imageId, pulls()], [origin, first.imageId, asked])
      assert.deepEqual(same.warnings, [])

      registry.renew()
      const renewed = await ensureImage(registry.reference, newer)
      assert.deepEqual([renewed.origin, pulls()], ['pulled', asked + 1])
      assert.notEqual(renewed.imageId, first.imageId)

      registry.forget()
      const kept = await ensureImage(registry.reference, newer)
      assert.deepEqual([kept.origin, kept.imageId], ['present', renewed.imageId])
      assert.deepEqual(
        kept.warnings.map(({ code }) => code),
        ['NOT_UPDATED'],
      )
      registry.close()
      const events: ProgressEvent[] = []
      const alone = await ensureImage(registry.reference, {
        ...newer,
        onProgress: (batch) => void events.push(...batch),
      })
      assert.equal(alone.imageId, renewed.imageId)
      assert.deepEqual(
        alone.warnings.map(({ code }) => code),
        ['NOT_UPDATED'],
      )
      if (isBlind) return
      assert.deepEqual(
        events.map((event) => event.type),
        ['status', 'warning'],
      )
      assert.equal(pulls(), 2)
    })

    test('pulls under `always` what is there, and fails where it cannot', async (t) => {
      const { registry } = await start(t, engine)
      registry.open()
      const always: EnsureOptions = { ...options, policy: 'always' }
      await pullImage(registry.reference, options)
      const asked = registry.requests.length
      assert.equal((await ensureImage(registry.reference, always)).origin, 'pulled')
      assert.ok(registry.requests.length > asked)
      registry.forget()
      const error = await failure(ensureImage(registry.reference, always))
      assert.equal(error.code, 'IMAGE_NOT_FOUND')
      assert.equal(await imageExists(registry.reference, options), true)
    })

    test('does not take an image of another platform', async (t) => {
      const { registry } = await start(t, engine)
      registry.open()
      await pullImage(registry.reference, options)
      const other = { ...options, platform: 'linux/s390x' }
      const error = await failure(ensureImage(registry.reference, { ...other, policy: 'never' }))
      assert.equal(error.code, 'IMAGE_NOT_FOUND')
      assert.match(error.message, /`linux\/s390x`/)
      const asked = registry.requests.length
      const missing = await failure(ensureImage(registry.reference, other))
      assert.match(missing.code, /^PLATFORM_/)
      assert.ok(registry.requests.length > asked)
      const own = (await inspectImage(registry.reference, options))?.platform
      const image = await ensureImage(registry.reference, { ...options, platform: own })
      assert.deepEqual([image.origin, image.platform], ['present', own])
    })

    test('gives each call its own error, and a later one another chance', async (t) => {
      const { registry, proxy } = await start(t, engine)
      registry.open()
      registry.forget()
      const through: EnsureOptions = { ...options, engine: proxy.endpoint }
      const errors = await Promise.all(
        [1, 2, 3].map(() => failure(ensureImage(registry.reference, through))),
      )
      assert.equal(new Set(errors).size, 3)
      for (const error of errors) {
        assert.equal(error.code, 'IMAGE_NOT_FOUND')
        assert.equal(error.attempts?.length, 1)
        assert.match(String(error.stack), /ensure\.spec/)
      }
      const pulls = proxy.lines.filter((line) => PULL.test(line))
      assert.equal(pulls.length, 1)
      registry.renew()
      assert.equal((await ensureImage(registry.reference, through)).origin, 'pulled')
    })

    test('builds what no source has, once for parallel calls', async (t) => {
      const { registry, proxy } = await start(t, engine)
      registry.forget()
      const build = { dockerfileInline: 'FROM scratch\nLABEL face.ensure=1\nLABEL face.more=2\n' }
      const building: EnsureOptions = { ...options, engine: proxy.endpoint, build }
      const isBuild = (line: string) => /^(?:PRI|POST \S*\/(?:build|grpc|session))\b/.test(line)
      const builds = () => proxy.lines.filter(isBuild).length

      const alone = await ensureImage(registry.reference, building)
      const inOne = builds()
      assert.ok(inOne > 0)
      assert.ok(alone.origin === 'built')
      assert.equal(alone.source, 'build')
      assert.equal(alone.reference, registry.reference)
      assert.deepEqual(
        alone.attempts.map(({ code }) => code),
        ['IMAGE_NOT_FOUND'],
      )
      assert.equal(await imageExists(registry.reference, options), true)
      assert.equal((await ensureImage(registry.reference, building)).origin, 'present')
      assert.equal(builds(), inOne)

      await forget(engine, registry.reference)
      const stories = await Promise.all(
        [1, 2, 3, 4, 5].map(async () => {
          const events: ProgressEvent[] = []
          const onProgress = (batch: ProgressEvent[]) => void events.push(...batch)
          const image = await ensureImage(registry.reference, { ...building, onProgress })
          return { image, events }
        }),
      )
      assert.equal(builds(), 2 * inOne)
      for (const { image, events } of stories) {
        assert.deepEqual([image.origin, image.imageId], ['built', stories[0]?.image.imageId])
        const steps = events.filter((event): event is StepEvent => event.type === 'step')
        assert.ok(steps.length > 0)
        const states = [...new Map(steps.map(({ id, state }) => [id, state])).values()]
        assert.ok(states.every((state) => state === 'done' || state === 'cached'))
      }
    })

    test('tells of a build that fails what was tried before it', async (t) => {
      const { registry } = await start(t, engine)
      registry.forget()
      const error = await failure(
        ensureImage(registry.reference, {
          ...options,
          build: { contextFiles: { Dockerfile: 'FROM scratch\nCOPY nothing /\n' } },
        }),
      )
      assert.equal(error.code, 'BUILD_FAILED')
      assert.equal(error.operation, 'ensureImage')
      assert.deepEqual(
        error.attempts?.map(({ code }) => code),
        ['IMAGE_NOT_FOUND'],
      )
    })

    test('goes on for others when the worker thread that began is gone', async (t) => {
      const { registry } = await start(t, engine)
      const worker = new Worker(
        `const { parentPort, workerData } = require('node:worker_threads')
        import(workerData.package).then(({ ensureImage }) =>
          ensureImage(workerData.reference, {
            ...workerData.options,
            onProgress: (events) => {
              if (events.some(({ currentBytes }) => currentBytes > 0)) parentPort.postMessage('pulling')
            },
          }))`,
        {
          eval: true,
          execArgv: [],
          workerData: {
            package: packageUrl,
            reference: registry.reference,
            options,
          },
        },
      )
      t.after(() => worker.terminate())
      await once(worker, 'message')
      const joined = bell()
      const call = ensureImage(registry.reference, {
        ...options,
        onProgress: () => joined.ring(),
      })
      await joined.rung
      await worker.terminate()
      registry.open()
      assert.equal((await call).origin, 'pulled')
      assert.deepEqual(registry.layerRequests(), [1, 1])
    })
  })
}

describe('ensureImage without a name', () => {
  test('is the opencode image, from GHCR because Docker Hub does not have it', async (t) => {
    const [engine] = engines
    if (!engine || !lab?.images['prizz/opencode-cloud-sandbox:latest'])
      return t.skip('the lab serves no opencode image')
    const names = ['docker.io', 'ghcr.io'].map(
      (registry) => `${registry}/prizz/opencode-cloud-sandbox:latest`,
    )
    const options = { engine: engine.endpoint }
    const before = await inspectImage(names[0], options)
    // Whoever had another image under this name gets it back.
    t.after(() =>
      before
        ? ask(
            engine,
            'POST',
            `/images/${before.imageId}/tag?repo=prizz/opencode-cloud-sandbox&tag=latest`,
          )
        : forget(engine, ...names),
    )
    const image = await ensureImage(undefined, { ...options, policy: 'always' })
    assert.deepEqual([image.origin, image.reference, image.source], ['pulled', ...names])
    assert.equal((await ensureImage(undefined, options)).origin, 'present')
    return undefined
  })
})

/** A registry with an image that `engine` does not have, and a way to the engine that counts. */
async function start(t: { after(run: () => unknown): void }, engine: Engine) {
  const registry = await startRegistry()
  const proxy = await startProxy(engine)
  t.after(async () => {
    await forget(engine, registry.reference)
    registry.close()
    proxy.close()
  })
  return { registry, proxy }
}

/** Something that one waits for and another does. */
function bell() {
  let ring = () => {}
  const rung = new Promise<void>((resolve) => {
    ring = resolve
  })
  return { ring, rung }
}

/** A listener that calls `then` once bytes of a layer have been told. */
function whenDownloading(then: () => void): (batch: ProgressEvent[]) => void {
  return (batch) => {
    if (isDownloading(batch)) then()
  }
}

const isDownloading = (events: ProgressEvent[]) =>
  events.some((event) => event.type === 'layer' && Number(event.currentBytes) > 0)

const layersOf = (events: ProgressEvent[]) =>
  events.filter((event): event is LayerEvent => event.type === 'layer')

const lastOfEachLayer = (events: ProgressEvent[]) => [
  ...new Map(layersOf(events).map((event) => [event.id, event])).values(),
]

/** The last sum, without what the clock has a part in. */
function lastTotal(events: ProgressEvent[]): string {
  const total = events.findLast((event): event is TotalEvent => event.type === 'total')
  return [total?.layersDone, total?.layersTotal, total?.currentBytes, total?.totalBytes].join()
}
