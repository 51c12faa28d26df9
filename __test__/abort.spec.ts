import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'

import { buildImage, imageExists, inspectImage, pullImage } from '../index.mjs'
import { rejection } from './helpers/failure.ts'
import { hang, pulls, pullsForEver, startEngine, stream } from './helpers/fake-engine.ts'

test('an aborted signal rejects every call with its own reason, and nothing is sent', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  const reason = new Error('mine')
  const options = { engine: engine.endpoint, signal: AbortSignal.abort(reason) }
  const calls = [
    pullImage('acme/app', options),
    buildImage(options),
    imageExists('acme/app', options),
    inspectImage('acme/app', options),
  ]
  for (const call of calls) assert.equal(await rejection(call), reason)
  assert.deepEqual(engine.requests, [])
})

test('an abort in the middle of a pull rejects within 100 ms and reaches the engine', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const controller = new AbortController()
  const reason = { any: 'value' }
  let abortedAt = 0
  const call = pullImage('acme/app:1', {
    engine: engine.endpoint,
    signal: controller.signal,
    onProgress(events) {
      if (abortedAt > 0 || !events.some((event) => event.type === 'layer')) return
      abortedAt = performance.now()
      controller.abort(reason)
    },
  })
  assert.equal(await rejection(call), reason)
  const tookMs = performance.now() - abortedAt
  assert.ok(tookMs < 100, `${tookMs} ms`)
  assert.match(await engine.abandoned(), /^POST \/images\/create/)
})

test('an abort in the middle of a build reaches the engine, and the step is canceled', async (t) => {
  const engine = await startEngine({ build: stream([{ stream: 'Step 1/1 : FROM scratch' }], hang) })
  t.after(() => engine.close())
  const controller = new AbortController()
  const states: string[] = []
  const call = buildImage({
    engine: engine.endpoint,
    dockerfileInline: 'FROM scratch',
    signal: controller.signal,
    onProgress(events) {
      for (const event of events) if (event.type === 'step') states.push(event.state)
      if (states.length > 0) controller.abort()
    },
  })
  assert.equal(((await rejection(call)) as DOMException).name, 'AbortError')
  assert.deepEqual(states, ['running', 'canceled'])
  assert.match(await engine.abandoned(), /^POST \/build/)
})

test('an abort ends the wait before the next try', async (t) => {
  const engine = await startEngine({ pull: (response) => response.destroy() })
  t.after(() => engine.close())
  const controller = new AbortController()
  const call = pullImage('acme/app:1', {
    engine: engine.endpoint,
    signal: controller.signal,
    retry: { initialDelayMs: 600_000, maxDelayMs: 600_000 },
    onProgress(events) {
      if (events.some((event) => event.type === 'attempt' && event.phase === 'retrying')) {
        controller.abort()
      }
    },
  })
  assert.equal(((await rejection(call)) as DOMException).name, 'AbortError')
})

test('a timeout of a signal rejects with its TimeoutError', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const signal = AbortSignal.timeout(20)
  const call = pullImage('acme/app:1', { engine: engine.endpoint, signal })
  assert.equal(((await rejection(call)) as DOMException).name, 'TimeoutError')
})

test('an abort waits for no listener', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const controller = new AbortController()
  const call = pullImage('acme/app:1', {
    engine: engine.endpoint,
    signal: controller.signal,
    onProgress() {
      controller.abort()
      return new Promise(() => {})
    },
  })
  assert.equal(((await rejection(call)) as DOMException).name, 'AbortError')
})

test('a settled call leaves no listener on the signal, and keeps what is there', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const controller = new AbortController()
  let aborts = 0
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- this one must survive beside ours
  controller.signal.onabort = () => (aborts += 1)
  const { signal } = controller
  await pullImage('acme/app:1', { engine: engine.endpoint, signal })
  await rejection(pullImage('acme/app:1', { engine: 'tcp://127.0.0.1:1', signal }))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  controller.abort()
  assert.equal(aborts, 1)
})

test('an abort after the end changes nothing', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const controller = new AbortController()
  const call = pullImage('acme/app:1', { engine: engine.endpoint, signal: controller.signal })
  const image = await call
  controller.abort()
  assert.equal(await call, image)
})
