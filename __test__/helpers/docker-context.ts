import { execFile } from 'node:child_process'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

import { dockerCommand } from './buildx.ts'
import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

/** A folder of settings of the docker command. */
export interface DockerSettings {
  folder: string
  /** Runs `docker`, and resolves with what it prints. */
  docker(args: string[], env?: NodeJS.ProcessEnv): Promise<string>
}

/** Makes a folder of settings, which is empty, and removed after the test. */
export async function dockerSettings(t: TestContext): Promise<DockerSettings> {
  const folder = await temporaryFolder(t)
  return {
    folder,
    async docker(args, env = {}) {
      const options = { env: { PATH: process.env['PATH'], DOCKER_CONFIG: folder, ...env } }
      const { stdout } = await run(dockerCommand, args, options)
      return stdout.trim()
    },
  }
}
