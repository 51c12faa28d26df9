import assert from 'node:assert/strict'
import path from 'node:path'
import { describe } from 'node:test'

import { type ProgressEvent, buildImage, imageExists, inspectImage } from '../../index.mjs'
import { ask, engines, forget, isPodman, testWithEngine, testWithLab } from '../helpers/engines.ts'
import { failure, rejection } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { isRunning } from '../helpers/open-files.ts'

const BUILDERS = ['buildkit', 'classic'] as const
const CLASSIC = ['classic'] as const

for (const [engine, builder] of engines.flatMap((engine) =>
  (isPodman(engine) ? CLASSIC : BUILDERS).map((builder) => [engine, builder] as const),
)) {
  const at = { engine: engine.endpoint }
  const options = { ...at, builder }
  // Base images are the lab's, and its engines have no network of their own.
  const withBase = { ...options, network: 'host' }

  describe(`a build with ${engine.name}, ${builder}`, () => {
    testWithEngine(
      'of a folder sends what .dockerignore leaves, and has its tags and labels',
      async (t) => {
        const contextDirectory = await temporaryFolder(t, {
          Dockerfile: 'FROM scratch\nCOPY . /\n',
          '.dockerignore': 'secret\n',
          'kept/file': 'content',
          secret: 'secret',
        })
        const tags = ['face/build:1', 'ghcr.io/face/build:1']
        t.after(() => forget(engine, ...tags))
        const events: ProgressEvent[] = []
        const request = { ...options, contextDirectory, tags, labels: { 'face.test': 'a b' } }
        const image = await buildImage({
          ...request,
          noCache: true,
          onProgress: (batch) => void events.push(...batch),
        })
        assert.deepEqual(image.tags, ['docker.io/face/build:1', 'ghcr.io/face/build:1'])
        assert.match(image.imageId, /^sha256:[0-9a-f]{64}$/)
        for (const name of [...tags, image.imageId]) assert.equal(await imageExists(name, at), true)
        assert.equal((await inspectImage(image.imageId, at))?.labels['face.test'], 'a b')

        const context = events.findLast((event) => event.type === 'context')
        assert.equal(context?.done, true)
        assert.equal(context?.filesTotal, 4)
        assert.equal(context?.filesSent, builder === 'classic' ? 4 : 3)
        const steps = events.flatMap((event) =>
          event.type === 'step' && event.index !== undefined ? [event] : [],
        )
        assert.equal(steps.at(-1)?.state, 'done')
        assert.equal(steps.at(-1)?.index, image.steps.total)
        assert.equal(image.steps.cached, 0)

        const again = await buildImage(request)
        // With containerd an image has the attestation of its build, and with it another identifier each time.
        if (engine.store !== 'containerd') assert.equal(again.imageId, image.imageId)
        assert.ok(again.steps.cached > 0)
      },
    )

    testWithEngine('of a text needs no folder', async (t) => {
      t.after(() => forget(engine, 'face/text:1'))
      const image = await buildImage({
        ...options,
        dockerfileInline: 'FROM scratch\nLABEL face.text=yes\n',
        tags: ['face/text:1'],
      })
      const details = await inspectImage('face/text:1', at)
      assert.equal(details?.imageId, image.imageId)
      assert.equal(details?.labels['face.text'], 'yes')
    })

    testWithLab('that fails has its step, its exit code and the end of its log', async () => {
      const events: ProgressEvent[] = []
      const error = await failure(
        buildImage({
          ...withBase,
          dockerfileInline: 'FROM debian:bookworm-slim\nRUN echo one && echo two && exit 3\n',
          noCache: true,
          onProgress: (batch) => void events.push(...batch),
        }),
      )
      assert.equal(error.code, 'BUILD_FAILED')
      assert.equal(error.exitCode, 3)
      assert.match(String(error.step), /^RUN echo one/)
      assert.deepEqual(error.logTail?.slice(-2), ['one', 'two'])
      const logs = events.flatMap((event) => (event.type === 'log' ? [event.text] : []))
      assert.deepEqual(logs.slice(-2), ['one', 'two'])
      const steps = events.flatMap((event) => (event.type === 'step' ? [event.state] : []))
      assert.equal(steps.at(-1), 'failed')
    })

    testWithLab('passes build arguments, and builds the stage that is asked for', async (t) => {
      t.after(() => forget(engine, 'face/target:1'))
      const events: ProgressEvent[] = []
      await buildImage({
        ...withBase,
        dockerfileInline: [
          'FROM debian:bookworm-slim AS wanted',
          'ARG GREETING',
          'RUN echo "hello $GREETING"',
          'FROM wanted',
          'RUN exit 1',
        ].join('\n'),
        buildArgs: { GREETING: 'world' },
        target: 'wanted',
        noCache: true,
        tags: ['face/target:1'],
        onProgress: (batch) => void events.push(...batch),
      })
      assert.ok(events.some((event) => event.type === 'log' && event.text === 'hello world'))
    })

    testWithLab('that is aborted leaves no container behind', async () => {
      const controller = new AbortController()
      const token = `face-${process.pid}-${engine.name}-${builder}`
      // Podman lets the step at work come to its end, and begins no other.
      const seconds = `${isPodman(engine) ? 2 : 600}.${process.pid}${BUILDERS.indexOf(builder)}`
      const call = buildImage({
        ...withBase,
        dockerfileInline: `FROM debian:bookworm-slim\nRUN echo ${token}; exec sleep ${seconds}\n`,
        noCache: true,
        signal: controller.signal,
        onProgress(events) {
          if (events.some((event) => event.type === 'log' && event.text === token))
            controller.abort()
        },
      })
      assert.equal(((await rejection(call)) as DOMException).name, 'AbortError')
      // The engine removes it after it has noticed that nobody listens any more.
      while ((await ask(engine, 'GET', '/containers/json?all=1')).body.includes(token)) continue
      while (await isRunning(`sleep\0${seconds}`)) continue
    })

    testWithEngine('of a folder that is not there is CONTEXT_INVALID', async () => {
      const error = await failure(buildImage({ ...options, contextDirectory: '/face/none' }))
      assert.equal(error.code, 'CONTEXT_INVALID')
      assert.ok(error.message.includes('/face/none'), error.message)
    })

    testWithEngine('of a Dockerfile that is not there is DOCKERFILE_INVALID', async (t) => {
      const contextDirectory = await temporaryFolder(t, { file: '' })
      const error = await failure(buildImage({ ...options, contextDirectory }))
      assert.equal(error.code, 'DOCKERFILE_INVALID')
    })

    testWithEngine(
      'that copies what the folder does not have is BUILD_FAILED and names it',
      async (t) => {
        const contextDirectory = await temporaryFolder(t, {
          Dockerfile: 'FROM scratch\nCOPY nothere /\n',
        })
        const error = await failure(buildImage({ ...options, contextDirectory }))
        assert.equal(error.code, 'BUILD_FAILED')
        assert.equal(error.step, 'COPY nothere /')
        assert.match(error.message, /nothere/)
        assert.equal(error.exitCode, undefined)
      },
    )

    testWithEngine(
      'of a Dockerfile that does not parse is DOCKERFILE_INVALID, with its line',
      async (t) => {
        const contextDirectory = await temporaryFolder(t, {
          Dockerfile: 'FROM scratch\n\nNONSENSE\n',
        })
        const error = await failure(buildImage({ ...options, contextDirectory }))
        assert.equal(error.code, 'DOCKERFILE_INVALID')
        // Podman names the instruction, and no line.
        if (isPodman(engine)) return assert.equal(error.step, 'NONSENSE')
        assert.equal(error.dockerfile?.path, path.join(contextDirectory, 'Dockerfile'))
        assert.deepEqual([error.dockerfile?.startLine, error.dockerfile?.endLine], [3, 3])
      },
    )
  })
}
