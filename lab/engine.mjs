import { cli, ENGINES } from './engines.mjs'
import { labPaths } from './paths.mjs'
import { execute } from './run.mjs'

/**
 * Runs the docker CLI that belongs to an engine; resolves to `{status, stdout, stderr}`.
 *
 * `engine` is a name or an entry of `readLab().engines`. `options` are `cwd`, `env` (added to the CLI's
 * own), `input`, `signal`.
 */
export function docker(engine, args, options = {}) {
  const name = engine.name ?? engine
  const found = ENGINES.find((each) => each.name === name)
  if (!found)
    throw new Error(
      `no engine \`${name}\`: there are ${ENGINES.map((each) => each.name).join(', ')}`,
    )
  const { command, env } = cli(labPaths(options.root), found)
  return execute(command, args, { ...options, env: { ...env, ...options.env } })
}
