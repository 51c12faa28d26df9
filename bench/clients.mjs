import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { ENGINES, cli } from '../lab/engines.mjs'
import { labPaths } from '../lab/paths.mjs'
import { measure } from './measure.mjs'

const HERE = path.dirname(fileURLToPath(import.meta.url))

/** Who builds. Each takes `{endpoint, folder, tag, noCache}`. */
export const CLIENTS = {
  shipway: (build) => node('shipway.mjs', build),
  buildx,
  dockerode: (build) => node('dockerode.mjs', build),
}

/** The lab's own `docker buildx build`; its plugin is a process of its own. */
async function buildx({ endpoint, folder, tag, noCache }) {
  const engine = ENGINES.find(({ suite }) => suite)
  const { command, env } = cli(labPaths(), engine)
  const flags = ['--progress', 'quiet', '--tag', tag, ...(noCache ? ['--no-cache'] : [])]
  const { stdout: _image, ...taken } = await measure(
    command,
    ['buildx', 'build', ...flags, folder],
    {
      env: { ...env, DOCKER_HOST: endpoint },
    },
  )
  return taken
}

/** A program of Node, which tells how long its event loop was held up. */
async function node(program, build) {
  const file = path.join(HERE, 'clients', program)
  const { stdout, ...taken } = await measure(process.execPath, [file, JSON.stringify(build)])
  return { ...taken, ...JSON.parse(stdout) }
}
