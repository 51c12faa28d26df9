import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, open } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, after, before, describe } from 'node:test'
import { promisify } from 'node:util'

import {
  type BuildOptions,
  type ErrorCode,
  type ProgressEvent,
  type PullOptions,
  ShipwayError,
  buildImage,
  imageExists,
  pullImage,
} from '../../index.mjs'
import type { OwnEngine } from '../../lab/own-engine.mjs'
import { startProxy } from '../helpers/engine-proxy.ts'
import { lab, testWithLab as test } from '../helpers/engines.ts'
import { rejection } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import { makeOwnEngine } from '../helpers/own-engine.ts'

const run = promisify(execFile)

const ONCE = { attempts: 1 }

/** One of each image store, and the one that takes gRPC on its socket, where the lab has it. */
const likes = ['docker-20.10', 'docker-28.5-containerd', 'docker-29'].filter((like) =>
  lab?.engines.some(({ name }) => name === like),
)

describe('an engine that is killed', { skip: !lab, concurrency: 3 }, () => {
  for (const like of likes) {
    describe(`like ${like}`, { concurrency: 1 }, () => {
      let engine: OwnEngine
      before(async () => {
        engine = makeOwnEngine(like)
        await engine.start()
      })
      after(() => engine.remove())

      /** Kills the engine when an event comes that `is` finds, and fails where none does. */
      function killer(is: (event: ProgressEvent) => boolean) {
        let death: Promise<void> | undefined
        return {
          onProgress(events: ProgressEvent[]) {
            if (!death && events.some(is)) death = engine.kill()
          },
          async died() {
            assert.ok(death, 'the stage was not reached')
            await death
          },
        }
      }

      /** The call ends as one whose engine is gone, and the engine comes back. */
      async function isLost(t: TestContext, call: Promise<unknown>, died: () => Promise<void>) {
        const error = await rejection(call)
        await died()
        await engine.start()
        assert.ok(error instanceof ShipwayError, String(error))
        assert.equal(error.code, 'ENGINE_DISCONNECTED' satisfies ErrorCode, error.message)
        assert.match(error.message, /lost the engine at/)
        assert.match(String(error.hint), /log/)
        t.diagnostic(error.message)
      }

      const pull = (reference: string, options: PullOptions) =>
        pullImage(reference, { engine: engine.endpoint, retry: ONCE, ...options })

      const build = (options: BuildOptions) =>
        buildImage({ engine: engine.endpoint, network: 'host', ...options } as BuildOptions)

      test('before a call is unreachable, and found once it is back', async () => {
        await engine.kill()
        const error = await rejection(imageExists('a', { engine: engine.endpoint }))
        assert.ok(error instanceof ShipwayError)
        assert.equal(error.code, 'ENGINE_UNREACHABLE')
        assert.match(error.message, /nothing listens there/)
        await engine.start()
        assert.equal(await imageExists('a', { engine: engine.endpoint }), false)
      })

      test('before it answers a pull is lost', async (t) => {
        const registry = await startRegistry({ holdsManifest: true })
        t.after(() => registry.close())
        const call = pull(registry.reference, {})
        const death = registry.asked.then(() => engine.kill())
        await isLost(t, call, () => death)
        assert.equal(await imageExists(registry.reference, { engine: engine.endpoint }), false)
      })

      test('while layers come is lost', async (t) => {
        const registry = await startRegistry()
        t.after(() => registry.close())
        const { onProgress, died } = killer(
          (event) =>
            event.type === 'layer' && event.state === 'downloading' && !!event.currentBytes,
        )
        await isLost(t, pull(registry.reference, { onProgress }), died)
        assert.equal(await imageExists(registry.reference, { engine: engine.endpoint }), false)
      })

      test('while layers are extracted is lost', async (t) => {
        const registry = await startRegistry({ layers: 1, sizeBytes: 100, emptyFiles: 20_000 })
        registry.open()
        t.after(() => registry.close())
        const { onProgress, died } = killer(
          (event) => event.type === 'layer' && event.state === 'extracting',
        )
        await isLost(t, pull(registry.reference, { onProgress }), died)
        assert.equal(await imageExists(registry.reference, { engine: engine.endpoint }), false)
      })

      for (const stage of ['/json', '/tag']) {
        test(`at ${stage} after a pull is lost`, async (t) => {
          const registry = await startRegistry({ layers: 1, sizeBytes: 1000 })
          registry.open()
          t.after(() => registry.close())
          let death: Promise<void> | undefined
          const proxy = await startProxy(asEngine(engine), /^$/, (line) => {
            if (line.includes(stage)) death ??= engine.kill()
            return death
          })
          t.after(() => proxy.close())
          // Another name than that of the source makes a tag necessary.
          const [reference, fallbacks] = ['127.0.0.1:1/face/other:1', [registry.reference]]
          const call = pull(reference, { engine: proxy.endpoint, fallbacks })
          await isLost(t, call, async () => assert.ok(death && ((await death) ?? true)))
          assert.equal(await imageExists(reference, { engine: engine.endpoint }), false)
        })
      }

      test('and comes back in time serves a pull that is tried again', async (t) => {
        const registry = await startRegistry()
        t.after(() => registry.close())
        let back: Promise<unknown> | undefined
        const phases: string[] = []
        const image = await pull(registry.reference, {
          retry: { attempts: 8, initialDelayMs: 300, jitter: false },
          onProgress(events) {
            for (const event of events) {
              if (event.type === 'attempt') phases.push('code' in event ? event.code : event.phase)
              if (back || event.type !== 'layer' || !event.currentBytes) continue
              registry.open()
              // It is away until somebody has seen that.
              back = engine.kill()
            }
            const isAway = phases.includes('ENGINE_UNREACHABLE')
            if (isAway && back) back = back.then(() => engine.start())
          },
        })
        await back
        assert.ok(image.attempts.length > 2, phases.join())
        assert.deepEqual(
          [image.attempts[0]?.code, image.attempts[1]?.code, image.attempts.at(-1)?.code],
          ['ENGINE_DISCONNECTED', 'ENGINE_UNREACHABLE', undefined],
        )
        assert.equal(await imageExists(registry.reference, { engine: engine.endpoint }), true)
      })

      for (const builder of ['buildkit', 'classic'] as const) {
        const tags = [`face/death:${builder}`]
        const isThere = () => imageExists(tags[0] ?? '', { engine: engine.endpoint })

        test(`while it takes a context is lost to a build by ${builder}`, async (t) => {
          const contextDirectory = await temporaryFolder(t, {
            Dockerfile: 'FROM scratch\nCOPY . /\n',
          })
          const file = await open(path.join(contextDirectory, 'large'), 'w')
          await file.truncate(400 << 20)
          await file.close()
          const { onProgress, died } = killer(
            (event) => event.type === 'context' && event.bytesSent > 0,
          )
          await isLost(t, build({ builder, contextDirectory, tags, onProgress }), died)
          assert.equal(await isThere(), false)
        })

        test(`while a step runs is lost to a build by ${builder}`, async (t) => {
          const contextDirectory = await programContext(t)
          const { onProgress, died } = killer(
            (event) => event.type === 'log' && event.text === 'begun',
          )
          await isLost(t, build({ builder, contextDirectory, tags, onProgress }), died)
          assert.equal(await isThere(), false)
        })
      }

      test('while it exports is lost to a build', async (t) => {
        const contextDirectory = await temporaryFolder(t, {
          Dockerfile: 'FROM scratch\nCOPY . /\n',
        })
        const file = await open(path.join(contextDirectory, 'large'), 'w')
        await file.truncate(100 << 20)
        await file.close()
        const { onProgress, died } = killer(
          (event) =>
            event.type === 'step' && event.state === 'running' && event.name.startsWith('export'),
        )
        const tags = ['face/death:export']
        await isLost(t, build({ builder: 'buildkit', contextDirectory, tags, onProgress }), died)
        assert.equal(await imageExists('face/death:export', { engine: engine.endpoint }), false)
      })

      test('at the end of a build, when its image is looked at, is lost', async (t) => {
        for (const builder of ['buildkit', 'classic'] as const) {
          let death: Promise<void> | undefined
          const proxy = await startProxy(asEngine(engine), /^$/, (line) => {
            if (line.includes('/json')) death ??= engine.kill()
            return death
          })
          t.after(() => proxy.close())
          const dockerfileInline = 'FROM scratch\nLABEL a=b\n'
          const options = { builder, dockerfileInline, tags: ['face/death:end'] }
          const call = build({ ...options, engine: proxy.endpoint })
          await isLost(t, call, async () => assert.ok(death && ((await death) ?? true)))
        }
      })
    })
  }
})

const asEngine = ({ endpoint }: OwnEngine) => ({ name: 'own', endpoint })

/** A context of this machine's shell and what it needs to run for long: no image is pulled for it. */
async function programContext(t: TestContext): Promise<string> {
  const { stdout } = await run('ldd', ['/bin/sh'])
  const [libc = '', loader = ''] = ['libc.so.6', 'ld-linux'].map(
    (name) => stdout.split(/\s+/).find((word) => word.startsWith('/') && word.includes(name)) ?? '',
  )
  const start = '"/loader", "--library-path", "/", '
  const sleep = 'exec /loader --library-path / /sleep 600'
  const folder = await temporaryFolder(t, {
    Dockerfile: `FROM scratch\nCOPY . /\nRUN [${start}"/sh", "-c", "echo begun && ${sleep}"]\n`,
  })
  for (const [source, name] of [
    [loader, 'loader'],
    [libc, 'libc.so.6'],
    ['/bin/sh', 'sh'],
    ['/bin/sleep', 'sleep'],
  ] as const) {
    await copyFile(source, path.join(folder, name))
  }
  return folder
}
