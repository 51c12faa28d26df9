import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { type StepEvent, buildImage } from '../../index.mjs'
import { startProxy } from '../helpers/cutting-proxy.ts'
import { buildKitEngines, forget, testWithLab as test } from '../helpers/engines.ts'
import { rejection } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { isRunning, openSockets, workingThreads } from '../helpers/open-files.ts'
import { packageUrl, runNode } from '../helpers/run-node.ts'

const BUILDS = 100

for (const engine of buildKitEngines) {
  const options = { engine: engine.endpoint, builder: 'buildkit' as const }

  describe(`builds with ${engine.name}`, () => {
    test(`leave no socket and no thread behind, ${BUILDS} of them`, async (t) => {
      t.after(() => forget(engine, 'face/many:1'))
      const contextDirectory = await temporaryFolder(t, {
        Dockerfile: 'FROM scratch\nCOPY . /\n',
        file: 'content',
      })
      // Through a way of its own, which counts the connections of this test alone.
      const proxy = await startProxy(t, engine)
      const request = {
        ...options,
        engine: proxy.endpoint,
        contextDirectory,
        tags: ['face/many:1'],
      }
      for (let build = 0; build < BUILDS; build += 1) {
        assert.match((await buildImage(request)).imageId, /^sha256:[0-9a-f]{64}$/)
      }
      // The kernel tells the other side of a closed connection a moment later.
      while (proxy.open > 0) await openSockets()
      while ((await workingThreads()).length > 0) continue
      assert.deepEqual([proxy.open, await workingThreads()], [0, []])
    })

    test('that are aborted say so and leave nothing running at the engine', async () => {
      const controller = new AbortController()
      const steps: StepEvent[] = []
      let isSettled = false
      const seconds = `600.${process.pid}${buildKitEngines.indexOf(engine)}`
      const call = buildImage({
        ...options,
        network: 'host',
        dockerfileInline: `FROM debian:bookworm-slim\nRUN echo begun && exec sleep ${seconds}\n`,
        noCache: true,
        signal: controller.signal,
        onProgress(events) {
          assert.ok(!isSettled)
          for (const event of events) if (event.type === 'step') steps.push(event)
          if (events.some((event) => event.type === 'log' && event.text === 'begun'))
            controller.abort()
        },
      })
      assert.equal(((await rejection(call)) as DOMException).name, 'AbortError')
      isSettled = true
      const last = steps.at(-1)
      assert.deepEqual([last?.index, last?.state], [2, 'canceled'])
      assert.ok(last?.durationMs !== undefined && last.durationMs < 60_000, `${last?.durationMs}`)
      const atWork = new Map(steps.map((step) => [step.id, step.state]))
      assert.ok(![...atWork.values()].includes('running'))
      while (await isRunning(`sleep\0${seconds}`)) continue
    })
  })
}

describe('builds', () => {
  test('go on while JavaScript is blocked for 60 s', async () => {
    const outcomes = buildKitEngines.map((engine) =>
      runNode(`
        import { buildImage } from ${JSON.stringify(packageUrl)}
        let blockedMs
        const image = await buildImage({
          engine: ${JSON.stringify(engine.endpoint)},
          network: 'host',
          dockerfileInline: 'FROM debian:bookworm-slim\\nRUN echo begun && sleep 61\\n',
          noCache: true,
          onProgress(events) {
            if (blockedMs || !events.some(({ text }) => text === 'begun')) return
            const start = performance.now()
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
            blockedMs = performance.now() - start
          },
        })
        console.log(blockedMs >= 60_000, image.builder)`),
    )
    for (const { code, stdout, stderr } of await Promise.all(outcomes)) {
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'true buildkit\n', stderr: '' })
    }
  })
})
