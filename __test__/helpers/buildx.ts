import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Engine } from './engines.ts'

/** Where the lab keeps the docker command of its newest Debian, as a folder for `DOCKER_CONFIG`. */
const folder = path.join(
  path.dirname(
    process.env['SHIPWAY_LAB_STATE'] ??
      fileURLToPath(new URL('../../.lab/state.json', import.meta.url)),
  ),
  'roots/forky-cli',
)

/** The docker command itself. */
export const dockerCommand = path.join(folder, 'docker')

/** Why `docker buildx` cannot be compared with, or false. */
export const whyNoBuildx = existsSync(dockerCommand)
  ? false
  : `the lab has no docker command in ${folder}`

/** What `docker buildx build` prints to standard error, whether it succeeds or not. */
export function buildxBuild(engine: Engine, args: string[]): Promise<string> {
  const env = { ...process.env, DOCKER_CONFIG: folder, DOCKER_HOST: engine.endpoint }
  const command = ['buildx', 'build', '--network=host', ...args]
  return new Promise((resolve) => {
    const options = { env, maxBuffer: 64 << 20 }
    execFile(dockerCommand, command, options, (_error, _stdout, stderr) => resolve(stderr))
  })
}
