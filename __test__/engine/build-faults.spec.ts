import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { type BuildOptions, type ErrorCode, type ShipwayError, buildImage } from '../../index.mjs'
import { startProxy } from '../helpers/cutting-proxy.ts'
import { type Engine, buildKitEngines, forget, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { openSockets } from '../helpers/open-files.ts'

/** Places at which the engine's answers are cut, spread over all of them. */
const CUTS = 60

/** What the end of a connection may be called. */
const LOST = new Set<ErrorCode>(['ENGINE_DISCONNECTED', 'ENGINE_UNREACHABLE', 'ENGINE_PROTOCOL'])

for (const engine of buildKitEngines) {
  describe(`a build with ${engine.name}`, () => {
    test('whose connection is cut anywhere fails, and says so', async (t) => {
      t.after(() => forget(engine, 'face/cut:1'))
      await build(engine.endpoint)
      const whole = await startProxy(t, engine)
      await build(whole.endpoint)
      const codes = new Map<string, number>()
      for (let cut = 0; cut < CUTS; cut += 1) {
        const limit = Math.floor((whole.bytes * cut) / CUTS)
        const proxy = await startProxy(t, engine, { limit })
        const outcome = await build(proxy.endpoint).then(
          () => null,
          (error: ShipwayError) => error,
        )
        // A build that needed fewer bytes than the first was not cut.
        assert.equal(outcome === null, !proxy.isCut, `${limit} of ${whole.bytes}`)
        if (outcome !== null) {
          const { code, message } = outcome
          assert.ok(LOST.has(code), `${limit} of ${whole.bytes}: ${message}`)
          codes.set(code, (codes.get(code) ?? 0) + 1)
        }
        while (proxy.open > 0) await openSockets()
      }
      t.diagnostic(`${CUTS} cuts in ${whole.bytes} bytes: ${JSON.stringify([...codes])}`)
    })

    test('whose engine falls silent ends when its time is over', async (t) => {
      t.after(() => forget(engine, 'face/cut:1'))
      for (const limit of [1000, 3000, 5000]) {
        const proxy = await startProxy(t, engine, { limit, holds: true })
        const error = await failure(build(proxy.endpoint, { timeouts: { totalMs: 500 } }))
        assert.ok(['DEADLINE', 'ENGINE_UNREACHABLE'].includes(error.code), error.message)
        while (proxy.open > 0) await openSockets()
      }
    })

    test('takes the answers of the engine in pieces of any size', async (t) => {
      t.after(() => forget(engine, 'face/cut:1'))
      for (const pieceBytes of [1, 7, 1000]) {
        const proxy = await startProxy(t, engine, { pieceBytes })
        const image = await build(proxy.endpoint)
        assert.match(image.imageId, /^sha256:/)
      }
    })
  })
}

function build(endpoint: Engine['endpoint'], options: Omit<BuildOptions, 'outputs'> = {}) {
  return buildImage({
    ...options,
    engine: endpoint,
    builder: 'buildkit',
    contextFiles: { Dockerfile: 'FROM scratch\nCOPY file /\n', file: 'content' },
    tags: ['face/cut:1'],
  })
}
