import assert from 'node:assert/strict'
import { before, describe } from 'node:test'

import { FINAL, type Outcome, PULL_CAUSES, outcomeFor, triesFor } from '../helpers/causes.ts'
import { type Engine, engines, lab, testWithLab as test } from '../helpers/engines.ts'
import { type Cell, runCauses } from '../helpers/matrix.ts'

describe('a cause of failure', () => {
  let cells = new Map<Engine, Map<object, Cell>>()

  before(async () => {
    if (!lab) return
    const run = async (engine: Engine) => [engine, await runCauses(engine)] as const
    cells = new Map(await Promise.all(engines.map(run)))
  })

  for (const engine of engines) {
    describe(`with ${engine.name}`, () => {
      for (const cause of PULL_CAUSES) {
        const expected = outcomeFor(cause, engine)
        test(`${cause.title}: ${expected}`, () => {
          const cell = cells.get(engine)?.get(cause)
          assert.ok(cell)
          const { alone, withNext } = cell
          const tries = triesFor(cause, engine)
          if (!cause.isSlow) {
            assert.equal(alone.outcome, expected, alone.message)
            // A fault that is over has taken a try of ours, or one of the engine.
            if (expected !== 'ok') {
              assert.deepEqual(alone.tries, Array(tries).fill(expected))
              assert.equal(alone.retryable, tries > 1 || expected === 'RATE_LIMITED')
              assert.equal(alone.phases.at(-1), 'failed')
            }
          }
          if (expected === 'ok') {
            assert.ok(alone.exists)
            assert.ok(withNext.tries.length > 0 && withNext.registries.length === 1)
          } else {
            assert.deepEqual(withNext.tries, Array(tries).fill(expected), withNext.message)
            const isFinal = FINAL.has(expected)
            assert.equal(withNext.outcome, isFinal ? expected : 'ok')
            assert.equal(withNext.registries.length, isFinal ? 1 : 2)
            assert.equal(withNext.phases.at(-1), isFinal ? 'failed' : 'fallingBack')
          }
          if (tries === 1 && expected !== 'ok' && !cause.engineRepeats) {
            assert.ok(isOnePull(alone.manifestRequests), alone.manifestRequests.join())
          }
        })
      }
    })
  }
})

/** An engine asks for what it knows of a manifest (HEAD) and for the manifest (GET), each once, if it comes so far. */
function isOnePull(requests: string[]): boolean {
  return new Set(requests).size === requests.length
}
