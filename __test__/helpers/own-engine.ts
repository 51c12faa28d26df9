import path from 'node:path'
import type { TestContext } from 'node:test'

import { type OwnEngine, type OwnEngineOptions, ownEngine } from '../../lab/own-engine.mjs'

const state = process.env['SHIPWAY_LAB_STATE']
const root = state ? path.dirname(path.dirname(state)) : undefined

type Options = Omit<OwnEngineOptions, 'root'>

/** Makes an engine like the one of the lab that is called `like`. Who calls it starts and removes it. */
export function makeOwnEngine(like: string, options: Options = {}): OwnEngine {
  return ownEngine(like, { ...options, root })
}

/** Starts such an engine, which ends with the test. */
export async function startOwnEngine(
  t: TestContext,
  like: string,
  options: Options = {},
): Promise<OwnEngine> {
  const engine = makeOwnEngine(like, options)
  t.after(() => engine.remove())
  await engine.start()
  return engine
}
