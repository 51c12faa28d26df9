import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENGINES, engineLog, haltEngine, launchEngine } from './engines.mjs'
import { labPaths } from './paths.mjs'
import { waitFor } from './run.mjs'

/**
 * An engine like the one of the lab that is called `like`, for one test: with folders of its own, and nothing in its store.
 * `root` is the checkout whose lab it is. `args` gives more arguments for `dockerd`, from its data folder as it sees that
 * itself. `data` is that folder; without it one is made, and removed in the end.
 */
export function ownEngine(like, { root, args = () => [], data } = {}) {
  const model = ENGINES.find(({ name }) => name === like)
  if (!model) throw new Error(`no engine \`${like}\``)
  // Images need the file system of the checkout, sockets a short path.
  const own = join(labPaths().lab, 'own')
  mkdirSync(own, { recursive: true })
  const folder = mkdtempSync(join(own, 'engine-'))
  const near = mkdtempSync(join(tmpdir(), 'shipway-'))
  const store = data ?? join(folder, 'data')
  const paths = {
    ...labPaths(root),
    pids: join(near, 'pids'),
    run: join(near, 'run'),
    logs: join(folder, 'logs'),
  }
  const engine = {
    ...model,
    name: 'own',
    data: store,
    // It does not outlive the process of its test.
    isLeashed: true,
    arguments: [...model.arguments, ...args(model.suite ? '/engine/data' : store)],
  }
  const socket = join(paths.run, engine.name, 'docker.sock')
  const isSilent = () =>
    new Promise((resolve) => {
      const client = connect(socket)
      client.once('connect', () => {
        client.destroy()
        resolve(false)
      })
      client.once('error', () => resolve(true))
    })
  return {
    endpoint: `unix://${socket}`,
    data: store,
    logFile: engineLog(paths, engine),
    start: () => launchEngine(paths, engine),
    /** Ends it and all that it has started at once, as a loss of power does. */
    async kill() {
      const { pid } = JSON.parse(readFileSync(join(paths.pids, `${engine.name}.json`), 'utf8'))
      process.kill(-pid, 'SIGKILL')
      await waitFor('the end of an engine', isSilent)
    },
    async remove() {
      await haltEngine(paths, engine)
      for (const each of [folder, near]) rmSync(each, { recursive: true, force: true })
    },
  }
}
