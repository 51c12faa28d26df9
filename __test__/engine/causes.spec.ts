import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'

import { startFaultRegistry } from '../../lab/fault-registry.mjs'
import { BUILD_CAUSES, buildersOf, runBuildCause } from '../helpers/build-causes.ts'
import {
  FINAL,
  PULL_CAUSES,
  isDoneOnce,
  isRetryable,
  outcomeFor,
  triesFor,
} from '../helpers/causes.ts'
import { type Engine, engines, lab, testWithLab as test } from '../helpers/engines.ts'
import { type Found, failuresPage, withoutVersions } from '../helpers/failures-page.ts'
import { type Cell, runCauses } from '../helpers/matrix.ts'

const PAGE = fileURLToPath(new URL('../../docs/failures.md', import.meta.url))

describe('a cause of failure', () => {
  let cells = new Map<Engine, Map<object, Cell>>()
  const builds = new Map<string, { outcome: string; message: string }>()

  before(async () => {
    if (!lab) return
    const run = async (engine: Engine) => [engine, await runCauses(engine)] as const
    const pulls = Promise.all(engines.map(run))
    await Promise.all(engines.map(runBuilds))
    cells = new Map(await pulls)
  })

  async function runBuilds(engine: Engine) {
    const registry = await startFaultRegistry({ caFile: lab?.caFile })
    const queue = BUILD_CAUSES.flatMap((cause) =>
      buildersOf(engine).map((builder) => ({ cause, builder })),
    )
    const lane = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { cause, builder } = next
        const found = await runBuildCause(engine, registry, cause, builder)
        builds.set(`${engine.name} ${builder} ${cause.title}`, found)
      }
    }
    await Promise.all([lane(), lane(), lane()])
    registry.close()
  }

  for (const engine of engines) {
    describe(`with ${engine.name}`, () => {
      for (const cause of PULL_CAUSES) {
        const expected = outcomeFor(cause, engine)
        test(`${cause.title}: ${expected}`, () => {
          const cell = cells.get(engine)?.get(cause)
          assert.ok(cell)
          const { alone, withNext } = cell
          const tries = triesFor(cause, engine)
          if (!isDoneOnce(cause, engine)) {
            assert.equal(alone.outcome, expected, alone.message)
            // A fault that is over has taken a try of ours, or one of the engine.
            if (expected !== 'ok') {
              assert.deepEqual(alone.tries, Array(tries).fill(expected))
              assert.equal(alone.retryable, isRetryable(expected))
              assert.equal(alone.phases.at(-1), 'failed')
            }
          }
          if (expected === 'ok') {
            assert.ok(alone.exists && withNext.exists)
            assert.ok(withNext.tries.length > 0 && withNext.registries.length === 1)
          } else {
            assert.deepEqual(withNext.tries, Array(tries).fill(expected), withNext.message)
            const isFinal = FINAL.has(expected)
            const failed = cause.isPinned ? 'ALL_SOURCES_FAILED' : 'ok'
            assert.equal(withNext.outcome, isFinal ? expected : failed)
            assert.equal(withNext.registries.length, isFinal ? 1 : 2)
            assert.equal(withNext.phases.at(-1), isFinal ? 'failed' : 'fallingBack')
          }
          if (tries === 1 && expected !== 'ok' && !cause.engineRepeats) {
            assert.ok(isOnePull(alone.manifestRequests), alone.manifestRequests.join())
          }
        })
      }
      for (const cause of BUILD_CAUSES) {
        test(`in a build, ${cause.title}: ${cause.outcome}`, () => {
          for (const builder of buildersOf(engine)) {
            const found = builds.get(`${engine.name} ${builder} ${cause.title}`)
            const differs = cause.differs?.engines(engine, builder)
            const expected = differs ? cause.differs?.outcome : cause.outcome
            assert.equal(found?.outcome, expected, `${builder}: ${found?.message}`)
          }
        })
      }
    })
  }

  test('is what the page in docs/ says', async (t) => {
    const found = summary()
    const { falseSuccesses, falseFailures, unsettled } = found.totals
    assert.deepEqual([falseSuccesses, falseFailures, unsettled], [0, 0, 0])
    const page = failuresPage(found)
    if (process.env['UPDATE_DOCS']) {
      await mkdir(new URL('../../docs/', import.meta.url), { recursive: true })
      await writeFile(PAGE, page)
      return
    }
    const committed = await readFile(PAGE, 'utf8')
    if (!engines.every(({ name }) => committed.includes(`| ${name}`))) {
      return t.skip('the page has other engines than the lab')
    }
    if (
      engines.length <
      withoutVersions(committed)
        .match(/\| cause .*/)![0]
        .split('|').length -
        6
    ) {
      return t.skip('the lab has not every engine of the page')
    }
    assert.equal(
      withoutVersions(page),
      withoutVersions(committed),
      'write it anew with UPDATE_DOCS=1',
    )
  })

  function summary(): Found {
    const found: Found = {
      engines,
      pulls: {},
      builds: {},
      totals: { run: 0, falseSuccesses: 0, falseFailures: 0, unsettled: 0 },
    }
    const count = (outcome: string, expected: string, exists = true) => {
      found.totals.run += 1
      const isFalse = outcome === 'ok' && (expected !== 'ok' || !exists)
      if (outcome === 'unsettled') found.totals.unsettled += 1
      else if (isFalse) found.totals.falseSuccesses += 1
      else if (outcome !== 'ok' && expected === 'ok') found.totals.falseFailures += 1
    }
    for (const [engine, all] of cells) {
      for (const cause of PULL_CAUSES) {
        const cell = all.get(cause)
        if (!cell) continue
        const { alone, withNext } = cell
        const expected = outcomeFor(cause, engine)
        const outcome = alone.tries.at(-1) ?? 'ok'
        ;(found.pulls[cause.title] ??= {})[engine.name] = {
          outcome,
          tries: alone.tries.length,
          requests: alone.manifestRequests.length,
        }
        if (!isDoneOnce(cause, engine)) count(alone.outcome, expected, alone.exists)
        // With another source, an image is right where that source gave it.
        const isOwn = withNext.outcome === 'ok' && withNext.registries.length === 1
        const cured = FINAL.has(expected) || cause.isPinned ? expected : 'ok'
        count(withNext.outcome, isOwn ? expected : cured, withNext.exists)
      }
      for (const cause of BUILD_CAUSES) {
        for (const builder of buildersOf(engine)) {
          const outcome = builds.get(`${engine.name} ${builder} ${cause.title}`)?.outcome ?? '–'
          ;(found.builds[cause.title] ??= {})[`${engine.name} ${builder}`] = outcome
          const differs = cause.differs?.engines(engine, builder) && cause.differs.outcome
          count(outcome, differs || cause.outcome)
        }
      }
    }
    return found
  }
})

/** An engine asks for what it knows of a manifest (HEAD) and for the manifest (GET), each once, if it comes so far. */
function isOnePull(requests: string[]): boolean {
  return new Set(requests).size === requests.length
}
