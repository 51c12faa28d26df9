import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import { type ProgressEvent, ShipwayError, buildImage, imageExists, pullImage } from '../index.mjs'
import { failure } from './helpers/failure.ts'
import { cut, json, startEngine, stream } from './helpers/fake-engine.ts'

const NOWHERE = 'tcp://127.0.0.1:1'

test('an error is a ShipwayError for import and for require', async () => {
  const error = await failure(imageExists('acme/app', { engine: NOWHERE }))
  const required = createRequire(import.meta.url)('../index.js') as { ShipwayError: unknown }
  assert.equal(required.ShipwayError, ShipwayError)
  assert.ok(error instanceof Error)
  assert.equal(error.name, 'ShipwayError')
  assert.equal(Object.keys(error).includes('name'), false)
})

test('the stack leads to the function that called', async () => {
  async function prepareTheImage() {
    return await pullImage('acme/app', { engine: NOWHERE })
  }
  const error = await failure(prepareTheImage())
  assert.match(String(error.stack), /at async prepareTheImage/)
})

test('an engine that is not there is ENGINE_UNREACHABLE while connecting, with its cause', async () => {
  const error = await failure(pullImage('acme/app', { engine: NOWHERE }))
  assert.equal(error.code, 'ENGINE_UNREACHABLE')
  assert.equal(error.operation, 'connect')
  assert.equal(error.retryable, true)
  assert.ok(error.hint)
  assert.ok(error.cause instanceof Error)
  assert.ok(error.message.includes(NOWHERE), error.message)
})

test('a field that says nothing is not there', async () => {
  const error = await failure(imageExists('acme/app', { engine: NOWHERE }))
  assert.deepEqual(Object.keys(error).toSorted(), ['code', 'hint', 'operation', 'retryable'])
})

test('a look-up that fails names the function that was called', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  const error = await failure(imageExists('Acme', { engine: engine.endpoint }))
  assert.equal(error.operation, 'imageExists')
})

test('a pull that no source serves lists each attempt', async (t) => {
  const engine = await startEngine({ pull: json(404, { message: 'manifest unknown' }) })
  t.after(() => engine.close())
  const error = await failure(
    pullImage('acme/app:1', { engine: engine.endpoint, fallbacks: ['ghcr.io/acme/app:1'] }),
  )
  assert.equal(error.code, 'ALL_SOURCES_FAILED')
  assert.equal(error.primaryCode, 'IMAGE_NOT_FOUND')
  assert.equal(error.reference, 'docker.io/acme/app:1')
  assert.deepEqual(
    error.attempts?.map(({ reference, registry, attempt, code }) => [
      reference,
      registry,
      attempt,
      code,
    ]),
    [
      ['docker.io/acme/app:1', 'docker.io', 1, 'IMAGE_NOT_FOUND'],
      ['ghcr.io/acme/app:1', 'ghcr.io', 1, 'IMAGE_NOT_FOUND'],
    ],
  )
  assert.ok(error.cause instanceof ShipwayError)
  assert.equal(error.cause.code, 'IMAGE_NOT_FOUND')
})

test('a pull whose answer breaks off is tried again, and says so', async (t) => {
  const engine = await startEngine({
    pull: stream([{ status: 'Pulling from acme/app', id: '1' }], cut),
  })
  t.after(() => engine.close())
  const events: ProgressEvent[] = []
  const error = await failure(
    pullImage('acme/app:1', {
      engine: engine.endpoint,
      retry: { attempts: 2, initialDelayMs: 1, jitter: false },
      onProgress: (batch) => void events.push(...batch),
    }),
  )
  assert.equal(error.code, 'ENGINE_DISCONNECTED')
  assert.equal(error.retryable, true)
  assert.deepEqual(
    error.attempts?.map(({ attempt, code, delayMs }) => [attempt, code, delayMs]),
    [
      [1, 'ENGINE_DISCONNECTED', 1],
      [2, 'ENGINE_DISCONNECTED', undefined],
    ],
  )
  const phases = events.flatMap((event) => (event.type === 'attempt' ? [event.phase] : []))
  assert.deepEqual(phases, ['starting', 'retrying', 'starting', 'failed'])
})

test('a pull that takes longer than allowed is DEADLINE', async (t) => {
  const engine = await startEngine({ pull: () => {} })
  t.after(() => engine.close())
  const timeouts = { totalMs: 20 }
  const error = await failure(pullImage('acme/app:1', { engine: engine.endpoint, timeouts }))
  assert.equal(error.code, 'DEADLINE')
})

test('a pull in which nothing moves is STALLED', async (t) => {
  const engine = await startEngine({ pull: () => {} })
  t.after(() => engine.close())
  const options = { engine: engine.endpoint, timeouts: { stallMs: 20 }, retry: { attempts: 1 } }
  assert.equal((await failure(pullImage('acme/app:1', options))).code, 'STALLED')
})

test('a look-up that the engine does not answer is DEADLINE', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  const silent = await startEngine({ ping: () => {} })
  t.after(() => silent.close())
  const error = await failure(
    imageExists('acme/app', { engine: silent.endpoint, timeouts: { totalMs: 20 } }),
  )
  assert.equal(error.code, 'DEADLINE')
})

test('a failed build has its step, its exit code and the end of its log', async (t) => {
  const failed = "The command '/bin/sh -c exit 3' returned a non-zero code: 3"
  const engine = await startEngine({
    build: stream([
      { stream: 'Step 1/2 : FROM debian' },
      { stream: '\n' },
      { stream: 'Step 2/2 : RUN exit 3' },
      { stream: '\n' },
      { stream: 'one\ntwo\n' },
      { errorDetail: { code: 3, message: failed }, error: failed },
    ]),
  })
  t.after(() => engine.close())
  const error = await failure(
    buildImage({ engine: engine.endpoint, dockerfileInline: 'FROM debian\nRUN exit 3\n' }),
  )
  assert.equal(error.code, 'BUILD_FAILED')
  assert.equal(error.operation, 'buildImage')
  assert.equal(error.exitCode, 3)
  assert.match(String(error.step), /RUN exit 3/)
  assert.deepEqual(error.logTail, ['one', 'two'])
})

test('the types know every code of the library', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const library = [...read('../crates/core/src/error.rs').matchAll(/^ {4}\w+ = "([A-Z_]+)",/gm)]
  const types = /export type ErrorCode =\n((?: {2}\| '[A-Z_]+'\n)+)/.exec(
    read('../index.d.ts'),
  )?.[1]
  assert.ok(library.length > 30)
  assert.deepEqual(
    types?.match(/[A-Z_]+/g),
    library.map(([, code]) => code),
  )
})
