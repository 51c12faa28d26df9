import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'

import { type ProgressEvent, buildImage, pullImage } from '../index.mjs'
import { failure } from './helpers/failure.ts'
import { builds, pulls, pullsForEver, startEngine } from './helpers/fake-engine.ts'

const THROWN = new Error('the listener is wrong')

const FAILING: [string, () => void | Promise<void>][] = [
  [
    'throws',
    () => {
      throw THROWN
    },
  ],
  ['returns a promise that rejects', () => Promise.reject(THROWN)],
  ['rejects later', () => setImmediate().then(() => Promise.reject(THROWN))],
]

for (const [what, fail] of FAILING) {
  test(`a listener that ${what} cancels the work and rejects with LISTENER_FAILED`, async (t) => {
    const engine = await startEngine({ pull: pullsForEver() })
    t.after(() => engine.close())
    const error = await failure(
      pullImage('acme/app:1', {
        engine: engine.endpoint,
        // Before the first layer the engine may not have been asked.
        onProgress: (events) => (events.some(({ type }) => type === 'layer') ? fail() : undefined),
      }),
    )
    assert.equal(error.code, 'LISTENER_FAILED')
    assert.equal(error.cause, THROWN)
    assert.equal(error.operation, 'pullImage')
    assert.match(await engine.abandoned(), /^POST \/images\/create/)
  })
}

test('a listener may throw undefined', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const onProgress = () => Promise.reject()
  const error = await failure(pullImage('acme/app:1', { engine: engine.endpoint, onProgress }))
  assert.equal(error.code, 'LISTENER_FAILED')
})

test('a listener that fails is not called again', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  let calls = 0
  const onProgress = () => {
    calls += 1
    throw THROWN
  }
  await failure(pullImage('acme/app:1', { engine: engine.endpoint, onProgress }))
  await pullImage('acme/app:1', { engine: engine.endpoint })
  assert.equal(calls, 1)
})

test('a pull has told of every layer before it resolves', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  for (let round = 0; round < 20; round++) {
    const events: ProgressEvent[] = []
    const options = { engine: engine.endpoint, onProgress: collect(events) }
    await pullImage('acme/app:1', options)
    const states = events.flatMap((event) => (event.type === 'layer' ? [event.state] : []))
    assert.equal(states.at(-1), 'complete')
  }
})

test('a failed pull has told of its last try before it rejects', async (t) => {
  const engine = await startEngine({ pull: (response) => response.destroy() })
  t.after(() => engine.close())
  const events: ProgressEvent[] = []
  const retry = { attempts: 1 }
  const options = { engine: engine.endpoint, retry, onProgress: collect(events) }
  const error = await failure(pullImage('acme/app:1', options))
  const last = events.at(-1)
  assert.equal(last?.type === 'attempt' && last.phase === 'failed' && last.code, error.code)
})

test('no event comes after the call has settled', async (t) => {
  const engine = await startEngine({ pull: [pullsForEver(), pulls()] })
  t.after(() => engine.close())
  const controller = new AbortController()
  let isSettled = false
  const call = pullImage('acme/app:1', {
    engine: engine.endpoint,
    signal: controller.signal,
    onProgress(events) {
      assert.ok(!isSettled)
      if (events.some((event) => event.type === 'layer')) controller.abort()
    },
  })
  await call.catch(() => {})
  isSettled = true
  await pullImage('acme/app:1', { engine: engine.endpoint })
})

test('a listener that waits gets one batch at a time, in order', async (t) => {
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}`)
  const engine = await startEngine({ build: builds(lines) })
  t.after(() => engine.close())
  const seen: string[] = []
  let running = 0
  await buildImage({
    engine: engine.endpoint,
    dockerfileInline: 'FROM scratch',
    async onProgress(events) {
      running += 1
      assert.equal(running, 1)
      assert.ok(events.length <= 256)
      await setImmediate()
      for (const event of events) if (event.type === 'log') seen.push(event.text)
      running -= 1
    },
  })
  assert.deepEqual(seen, lines)
})

test('beyond 10,000 waiting lines the oldest are dropped, and the last event says how many', async (t) => {
  const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index}`)
  const engine = await startEngine({ build: builds(lines) })
  t.after(() => engine.close())
  const events: ProgressEvent[] = []
  await buildImage({
    engine: engine.endpoint,
    dockerfileInline: 'FROM scratch',
    async onProgress(batch) {
      // The look-up that follows a build shows that the library has heard the whole build.
      if (events.length === 0) await engine.asked(/json$/)
      events.push(...batch)
    },
  })
  const logs = events.flatMap((event) => (event.type === 'log' ? [event.text] : []))
  const warning = events.at(-1)
  assert.equal(warning?.type === 'warning' && warning.code, 'LOG_LINES_DROPPED')
  const dropped = Number(warning?.type === 'warning' && warning.message.split(' ')[0])
  assert.equal(logs.length + dropped, 30_000)
  assert.equal(logs.at(-1), 'line 29999')
  const steps = events.flatMap((event) => (event.type === 'step' ? [event.state] : []))
  assert.deepEqual(steps, ['running', 'done', 'running', 'done'], 'changes of state are kept')
})

test('a listener whose promise never settles delays the call by 5 s at most', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const onProgress = () => new Promise<void>(() => {})
  const image = await pullImage('acme/app:1', { engine: engine.endpoint, onProgress })
  assert.equal(image.reference, 'docker.io/acme/app:1')
})

function collect(events: ProgressEvent[]) {
  return (batch: ProgressEvent[]) => void events.push(...batch)
}
