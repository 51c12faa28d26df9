import assert from 'node:assert/strict'
import { describe } from 'node:test'

import {
  type LayerEvent,
  type ProgressEvent,
  type TotalEvent,
  imageExists,
  inspectImage,
  pullImage,
} from '../../index.mjs'
import { ask, engines, forget, lab, testWithLab as test } from '../helpers/engines.ts'
import { failure, rejection } from '../helpers/failure.ts'
import { type GatedRegistry, startRegistry } from '../helpers/gated-registry.ts'
import { packageUrl, runNode } from '../helpers/run-node.ts'

// No registry has it, so each pull of it falls back.
const MISSING = 'docker.io/face/pull-missing:1'
const LAYERS = ['docker.io/shipway/layers:1', 'ghcr.io/shipway/layers:1']

const retry = { attempts: 3, initialDelayMs: 1, jitter: false }

for (const engine of engines) {
  const options = { engine: engine.endpoint, retry }

  describe(`a pull with ${engine.name}`, () => {
    test('falls back from Docker Hub to GHCR, and its bytes add up to the sizes of the layers', async (t) => {
      const sizes = lab?.layers.sizesBytes ?? []
      await forget(engine, MISSING, ...LAYERS)
      t.after(() => forget(engine, MISSING, ...LAYERS))
      const events: ProgressEvent[] = []
      const image = await pullImage(MISSING, {
        ...options,
        fallbacks: ['ghcr.io/shipway/layers:1'],
        onProgress: (batch) => void events.push(...batch),
      })
      assert.equal(image.reference, MISSING)
      assert.equal(image.source, 'ghcr.io/shipway/layers:1')
      assert.equal(image.digest, lab?.layers.indexDigest)
      const tries = image.attempts.map(({ registry, attempt, code }) => [registry, attempt, code])
      assert.deepEqual(tries[0]?.slice(0, 2), ['docker.io', 1])
      assert.ok(tries[0]?.[2] === 'IMAGE_NOT_FOUND' || tries[0]?.[2] === 'ACCESS_DENIED')
      assert.deepEqual(tries.slice(1), [['ghcr.io', 1, undefined]])

      const layers = lastOfEachLayer(events)
      assert.ok(layers.every(({ state }) => state === 'complete' || state === 'exists'))
      const total = events.findLast((event): event is TotalEvent => event.type === 'total')
      const told = [...largest(events).values()]
      // An engine may have layers from before, and tells the latest state only: a small layer may come and go without a
      // word about its size. The gate below holds new layers until each size was told.
      const existed = layers.filter(({ state }) => state === 'exists').length
      assert.ok(told.every((size) => sizes.includes(size)))
      if (total || told.length > 0) {
        assert.equal(total?.totalIsFinal, told.length + existed === sizes.length)
        assert.equal(total?.totalBytes, sum(told))
        assert.equal(total?.currentBytes, sum(told))
        assert.deepEqual([total?.layersDone, total?.layersTotal], [sizes.length, sizes.length])
      }
      t.diagnostic(
        `${sum(told)} of ${sum(sizes)} bytes in ${told.length} of ${sizes.length} layers`,
      )
      assert.ok(isMonotone(events))
      assert.equal(await imageExists(MISSING, options), true)

      const again: ProgressEvent[] = []
      const second = await pullImage('ghcr.io/shipway/layers:1', {
        ...options,
        onProgress: (batch) => void again.push(...batch),
      })
      assert.equal(second.imageId, image.imageId)
      const states = lastOfEachLayer(again).map(({ state }) => state)
      assert.ok(
        states.every((state) => state === 'exists'),
        states.join(),
      )
      assert.equal(largest(again).size, 0, 'no byte is transferred again')
    })

    test('of the opencode image goes to GHCR, because Docker Hub does not have it', async (t) => {
      if (!lab?.images['prizz/opencode-cloud-sandbox:latest'])
        return t.skip('the lab serves no opencode image')
      const name = 'docker.io/prizz/opencode-cloud-sandbox:latest'
      const before = await inspectImage(name, options)
      // Whoever had another image under this name gets it back.
      t.after(() =>
        before
          ? ask(
              engine,
              'POST',
              `/images/${before.imageId}/tag?repo=prizz/opencode-cloud-sandbox&tag=latest`,
            )
          : forget(engine, name, 'ghcr.io/prizz/opencode-cloud-sandbox:latest'),
      )
      const image = await pullImage(undefined, options)
      assert.equal(image.reference, name)
      assert.equal(image.source, 'ghcr.io/prizz/opencode-cloud-sandbox:latest')
      assert.deepEqual(
        image.attempts.map(({ registry }) => registry),
        ['docker.io', 'ghcr.io'],
      )
      assert.equal(await imageExists(undefined, options), true)
    })

    test('of a tag that no registry has asks each once and lists both', async () => {
      const error = await failure(
        pullImage(MISSING, { ...options, fallbacks: ['ghcr.io/face/pull-missing:1'] }),
      )
      assert.equal(error.code, 'ALL_SOURCES_FAILED')
      assert.deepEqual(
        error.attempts?.map(({ registry, attempt }) => [registry, attempt]),
        [
          ['docker.io', 1],
          ['ghcr.io', 1],
        ],
      )
      assert.ok(['IMAGE_NOT_FOUND', 'ACCESS_DENIED'].includes(String(error.primaryCode)))
      assert.equal(error.retryable, false)
    })

    test('of a tag that a repository does not have is IMAGE_NOT_FOUND', async () => {
      const error = await failure(pullImage('ghcr.io/shipway/layers:none', options))
      assert.equal(error.code, 'IMAGE_NOT_FOUND')
      assert.equal(error.attempts?.length, 1)
    })

    test('from a registry where nobody listens is tried again, and then falls back', async (t) => {
      const name = '127.0.0.1:1/face/pull-nobody:1'
      const plain = `${lab?.registries.plain.address}:${lab?.registries.plain.port}/shipway/tiny:1`
      t.after(() => forget(engine, name))
      const events: ProgressEvent[] = []
      const image = await pullImage(name, {
        ...options,
        fallbacks: [plain],
        onProgress: (batch) => void events.push(...batch),
      })
      assert.equal(image.source, plain)
      assert.deepEqual(
        image.attempts.map(({ registry, attempt, code }) => [registry, attempt, code]),
        [
          ['127.0.0.1:1', 1, 'REGISTRY_UNREACHABLE'],
          ['127.0.0.1:1', 2, 'REGISTRY_UNREACHABLE'],
          [plain.split('/')[0], 1, undefined],
        ],
      )
      assert.deepEqual(
        events.flatMap((event) => (event.type === 'attempt' ? [event.phase] : [])),
        ['starting', 'retrying', 'starting', 'fallingBack', 'starting'],
      )
    })

    test('for a platform that the image does not have is PLATFORM_NOT_FOUND', async () => {
      const error = await failure(
        pullImage('ghcr.io/shipway/layers:1', { ...options, platform: 'linux/s390x' }),
      )
      assert.equal(error.code, 'PLATFORM_NOT_FOUND')
    })

    test('that is aborted in the middle rejects within 100 ms, and the engine stops', async (t) => {
      const registry = await startRegistry()
      t.after(() => registry.close())
      const controller = new AbortController()
      const reason = new Error('changed my mind')
      let abortedAt = 0
      const call = pullImage(registry.reference, {
        ...options,
        signal: controller.signal,
        onProgress(events) {
          if (abortedAt > 0 || !isDownloading(events)) return
          abortedAt = performance.now()
          controller.abort(reason)
        },
      })
      assert.equal(await rejection(call), reason)
      const tookMs = performance.now() - abortedAt
      assert.ok(tookMs < 100, `${tookMs} ms`)
      t.diagnostic(`rejected ${tookMs.toFixed(1)} ms after the abort`)
      await registry.idle()
      assert.equal(await imageExists(registry.reference, options), false)
    })

    test('whose listener throws rejects with LISTENER_FAILED, and the engine stops', async (t) => {
      const registry = await startRegistry()
      t.after(() => registry.close())
      const cause = new Error('the listener is wrong')
      const error = await failure(
        pullImage(registry.reference, {
          ...options,
          onProgress(events) {
            if (isDownloading(events)) throw cause
          },
        }),
      )
      assert.equal(error.code, 'LISTENER_FAILED')
      assert.equal(error.cause, cause)
      await registry.idle()
    })

    test('transfers every layer of an image that the engine does not have', async (t) => {
      const registry = await startRegistry({ layers: 3 })
      t.after(() => forget(engine, registry.reference).then(() => registry.close()))
      const events = await pullThroughGate(registry, options)
      assert.deepEqual(ascending(largest(events).values()), ascending(registry.layerSizes))
      const total = events.findLast((event): event is TotalEvent => event.type === 'total')
      assert.equal(total?.currentBytes, sum(registry.layerSizes))
      assert.equal(total?.totalIsFinal, true)
    })

    test('lets its program end right after the promise', async (t) => {
      const registry = await startRegistry()
      registry.open()
      t.after(() => forget(engine, registry.reference).then(() => registry.close()))
      const { code, stdout, stderr } = await runNode(`
        import { pullImage } from ${JSON.stringify(packageUrl)}
        let settledAt
        process.on('exit', () => console.log(performance.now() - settledAt < 100))
        await pullImage(${JSON.stringify(registry.reference)}, {
          engine: ${JSON.stringify(engine.endpoint)},
          onProgress() {},
        })
        settledAt = performance.now()`)
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'true\n', stderr: '' })
    })
  })
}

/** Pulls, and opens the gate once bytes of every layer have been told. */
async function pullThroughGate(registry: GatedRegistry, options: { engine: string }) {
  const events: ProgressEvent[] = []
  await pullImage(registry.reference, {
    ...options,
    onProgress(batch) {
      events.push(...batch)
      if (largest(events).size === registry.layerSizes.length) registry.open()
    },
  })
  return events
}

const isDownloading = (events: ProgressEvent[]) =>
  events.some((event) => event.type === 'layer' && Number(event.currentBytes) > 0)

const layersOf = (events: ProgressEvent[]) =>
  events.filter((event): event is LayerEvent => event.type === 'layer')

const lastOfEachLayer = (events: ProgressEvent[]) => [
  ...new Map(layersOf(events).map((event) => [event.id, event])).values(),
]

/** The largest size told of each layer. */
function largest(events: ProgressEvent[]): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { id, totalBytes } of layersOf(events)) {
    if (totalBytes) sizes.set(id, Math.max(totalBytes, sizes.get(id) ?? 0))
  }
  return sizes
}

function isMonotone(events: ProgressEvent[]): boolean {
  const counts = events.flatMap((event) => (event.type === 'total' ? [event.currentBytes] : []))
  return counts.every((bytes, index) => index === 0 || bytes >= Number(counts[index - 1]))
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
const ascending = (numbers: Iterable<number>) => [...numbers].toSorted((a, b) => a - b)
