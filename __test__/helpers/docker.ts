import assert from 'node:assert/strict'
import path from 'node:path'

import { docker } from '../../lab/state.mjs'
import type { Engine } from './engines.ts'

/** The checkout whose lab the tests use. */
const state = process.env['SHIPWAY_LAB_STATE']
const root = state ? path.dirname(path.dirname(state)) : undefined

type Variables = Record<string, string>

/** Builds with the docker command of a lab engine, with BuildKit. Resolves with what it tells about the steps. */
export async function dockerBuild(
  engine: Engine,
  args: string[],
  env?: Variables,
): Promise<string> {
  const { status, stderr } = await tryDockerBuild(engine, args, env)
  assert.equal(status, 0, stderr.trim().split('\n').slice(-12).join('\n'))
  return stderr
}

/** Like `dockerBuild`, whether it succeeds or not. */
export function tryDockerBuild(engine: Engine, args: string[], env: Variables = {}) {
  const options = { root, env: { DOCKER_BUILDKIT: '1', ...env } }
  return docker(engine, ['build', '--progress', 'plain', ...args], options)
}

/** Runs the docker command of a lab engine, whether it succeeds or not. `env` is added to the command's own. */
export function tryDocker(engine: string | Engine, args: string[], env: Variables = {}) {
  return docker(engine, args, { root, env })
}

/** The names of the Dockerfile's steps, and whether each came from the cache, as the docker command tells them. */
export function toldSteps(told: string): Map<string, boolean> {
  const steps = new Map<string, boolean>()
  const names = new Map<string, string>()
  for (const line of told.split('\n')) {
    const [, number = '', text = ''] = /^(#\d+) (.*)$/.exec(line) ?? []
    if (/^\[.*\d+\/\d+\]/.test(text)) names.set(number, text)
    const name = names.get(number)
    if (name !== undefined) steps.set(name, steps.get(name) || text === 'CACHED')
  }
  return steps
}
