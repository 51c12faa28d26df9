import assert from 'node:assert/strict'
import { type TestContext, describe } from 'node:test'

import {
  type BuildOptions,
  type LayerEvent,
  type ProgressEvent,
  type StepEvent,
  buildImage,
} from '../../index.mjs'
import { buildxBuild, whyNoBuildx } from '../helpers/buildx.ts'
import { type Engine, buildKitEngines, forget, testWithLab } from '../helpers/engines.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { startRegistry } from '../helpers/gated-registry.ts'

const PARALLEL = [
  'FROM debian:bookworm-slim AS one',
  'RUN for i in 1 2 3; do echo one $i; sleep 0.1; done; printf end',
  'COPY file /file',
  'FROM debian:bookworm-slim AS two',
  'RUN for i in 1 2 3; do echo two $i >&2; sleep 0.1; done',
  'FROM scratch',
  'COPY --from=one /file /one',
  'COPY --from=two /etc/hostname /two',
].join('\n')

const FAILING = [
  'FROM debian:bookworm-slim AS slow',
  'RUN for i in $(seq 100); do echo slow; sleep 0.1; done',
  'FROM debian:bookworm-slim AS failing',
  'RUN sleep 0.5; exit 1',
  'FROM scratch',
  'COPY --from=slow /etc/hostname /a',
  'COPY --from=failing /etc/hostname /b',
].join('\n')

for (const engine of buildKitEngines) {
  describe(`what a build says with ${engine.name}`, () => {
    testWithLab('agrees with --progress=rawjson: new, from the cache, and failed', async (t) => {
      if (whyNoBuildx) return t.skip(whyNoBuildx)
      for (const [dockerfile, noCache] of [
        [PARALLEL, true],
        [PARALLEL, false],
        [FAILING, true],
      ] as const) {
        const contextDirectory = await temporaryFolder(t, {
          Dockerfile: dockerfile,
          file: 'content',
        })
        const args = ['--progress=rawjson', `--tag=${newTag(t, engine)}`, contextDirectory]
        const printed = await buildxBuild(engine, noCache ? ['--no-cache', ...args] : args)
        const docker = finalStates(printed)
        const { events } = await build(t, engine, { contextDirectory, noCache })
        assert.deepEqual(statesOf(events), docker)
      }
    })

    testWithLab(
      'tells each step once, and its lines between its beginning and its end',
      async (t) => {
        const contextDirectory = await temporaryFolder(t, { Dockerfile: PARALLEL, file: 'content' })
        const { events, steps } = await build(t, engine, { contextDirectory, noCache: true })
        const told = events.flatMap((event) => (event.type === 'step' ? [event] : []))
        const one = told.filter((step) => step.name.includes('echo one'))
        assert.deepEqual(
          one.map(({ state, stage, index, of }) => ({ state, stage, index, of })),
          [
            { state: 'running', stage: 'one', index: 2, of: 3 },
            { state: 'done', stage: 'one', index: 2, of: 3 },
          ],
        )
        assert.ok((one[1]?.durationMs ?? 0) >= 300)
        const ofOne = events.flatMap((event) => {
          if (event.type === 'log' && event.step === one[0]?.id)
            return [`${event.stream} ${event.text}`]
          return event === one[0] || event === one[1] ? [event.state] : []
        })
        assert.deepEqual(ofOne, [
          'running',
          'stdout one 1',
          'stdout one 2',
          'stdout one 3',
          'stdout end',
          'done',
        ])
        assert.equal(steps?.total, 6)
        const exporting = told.find((step) => step.name === 'exporting to image')
        assert.equal(exporting?.index, undefined)
        const rows = events.flatMap((event) =>
          event.type === 'status' && event.step === exporting?.id ? [event.message] : [],
        )
        assert.ok(
          rows.some((row) => row.startsWith('exporting layers: done after ')),
          rows.join('\n'),
        )
        const contexts = events.flatMap((event) => (event.type === 'context' ? [event] : []))
        assert.equal(contexts.filter(({ done }) => done).length, 1)
      },
    )

    testWithLab('tells of the layers of a base image as a pull does', async (t) => {
      const registry = await startRegistry({ layers: 3 })
      t.after(() => registry.close())
      registry.open()
      const dockerfile = `FROM ${registry.reference}\nCOPY file /file\n`
      const contextDirectory = await temporaryFolder(t, { Dockerfile: dockerfile, file: 'content' })
      t.after(() => forget(engine, registry.reference))
      const { events } = await build(t, engine, { contextDirectory })
      const layers = new Map<string, LayerEvent[]>()
      for (const event of events) {
        if (event.type === 'layer') layers.set(event.id, [...(layers.get(event.id) ?? []), event])
      }
      assert.equal(layers.size, registry.layerSizes.length)
      for (const told of layers.values()) assert.equal(told.at(-1)?.state, 'complete')
      const sizes = [...layers.values()].map((told) => told.at(-1)?.totalBytes ?? 0)
      assert.deepEqual(sizes.toSorted(), registry.layerSizes.toSorted())
      const total = events.findLast((event) => event.type === 'total')
      assert.equal(total?.layersDone, 3)
      assert.equal(
        total?.currentBytes,
        registry.layerSizes.reduce((sum, size) => sum + size),
      )
    })

    testWithLab('has the rules of the lint that the Dockerfile breaks', async (t) => {
      const contextDirectory = await temporaryFolder(t, {
        Dockerfile: 'from scratch as x\nCOPY file /\n',
        file: '',
      })
      const { events, warnings } = await build(t, engine, { contextDirectory, noCache: true })
      // Docker 20.10 has no lint.
      if (engine.name === 'docker-20.10') return assert.deepEqual(warnings, [])
      const told = events.flatMap((event) => (event.type === 'warning' ? [event] : []))
      assert.deepEqual(
        told,
        warnings?.map((warning) => ({ type: 'warning', ...warning })),
      )
      const casing = warnings?.find(({ message }) =>
        message.startsWith('ConsistentInstructionCasing: '),
      )
      assert.equal(casing?.code, 'BUILD_WARNING')
      assert.match(
        casing?.url ?? '',
        /^https:\/\/docs\.docker\.com\/.*consistent-instruction-casing/,
      )
      assert.deepEqual([casing?.startLine, casing?.endLine], [1, 1])
    })

    testWithLab('of a build that runs out of time is the step at work, given up', async (t) => {
      const events: ProgressEvent[] = []
      const dockerfile = 'FROM debian:bookworm-slim\nRUN echo begun; sleep 600\n'
      const contextDirectory = await temporaryFolder(t, { Dockerfile: dockerfile })
      const call = buildImage({
        engine: engine.endpoint,
        network: 'host',
        noCache: true,
        contextDirectory,
        timeouts: { totalMs: 3000 },
        onProgress: (batch) => void events.push(...batch),
      })
      await assert.rejects(call, {
        code: 'DEADLINE',
        step: 'RUN echo begun; sleep 600',
        logTail: ['begun'],
      })
      assert.equal(statesOf(events).get('RUN echo begun; sleep 600'), 'canceled')
      const last = events.findLast((event) => event.type === 'step')
      const took = last?.durationMs ?? 0
      assert.ok(took > 0 && took < 4000, `${took} ms`)
    })
  })
}

/** Builds, whether it succeeds or not. */
async function build(t: TestContext, engine: Engine, options: BuildOptions) {
  const events: ProgressEvent[] = []
  const result = await buildImage({
    engine: engine.endpoint,
    network: 'host',
    tags: [newTag(t, engine)],
    ...options,
    onProgress: (batch) => void events.push(...batch),
  }).catch(() => null)
  return { events, steps: result?.steps, warnings: result?.warnings }
}

type States = Map<string, StepEvent['state']>

let tags = 0

/** A name that no other image has, whose image is removed after the test. */
function newTag(t: TestContext, engine: Engine): string {
  const tag = `face/events-${process.pid}:${++tags}`
  t.after(() => forget(engine, tag))
  return tag
}

/** The last state of each step, by its name. */
function statesOf(events: ProgressEvent[]): States {
  const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []))
  return comparable(steps.map(({ name, state }) => [name, state]))
}

interface SolveStatus {
  vertexes?: {
    digest: string
    name: string
    started?: string
    completed?: string
    cached?: boolean
    error?: string
    progressGroup?: { id: string; name: string }
  }[]
}

/** The same from docker's raw output: the last that it says of each vertex. */
function finalStates(rawjson: string): States {
  const lines = rawjson.split('\n').filter((line) => line.startsWith('{'))
  const vertexes = lines.flatMap((line) => (JSON.parse(line) as SolveStatus).vertexes ?? [])
  const last = new Map<string, [string, StepEvent['state']]>()
  for (const { digest, name, started, completed, cached, error, progressGroup } of vertexes) {
    if (!started) continue
    const state = !completed
      ? 'running'
      : error
        ? error.endsWith('context canceled')
          ? 'canceled'
          : 'failed'
        : cached
          ? 'cached'
          : 'done'
    const shown = (progressGroup?.name ?? name).replace(/^\[[^\]]*\d+\/\d+\] /, '')
    last.set(progressGroup?.id ?? digest, [shown, state])
  }
  return comparable([...last.values()])
}

/**
 * In one order. Whether a base image counts as cached depends on which of its users the engine asks first; and of a look-up
 * that two stages make at once, the engine may tell one end alone, so that it stays open when the build fails.
 */
function comparable(steps: [string, StepEvent['state']][]): States {
  const states = steps.map(([name, state]): [string, StepEvent['state']] => {
    const isCached = name.startsWith('FROM ') && state === 'cached'
    const isOpen = name.startsWith('[internal] load metadata') && state === 'canceled'
    return [name, isCached || isOpen ? 'done' : state]
  })
  return new Map(states.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
