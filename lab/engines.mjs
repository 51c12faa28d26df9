import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installDockerd } from './dockerd.mjs'
import { readJson } from './files.mjs'
import { architecture } from './platform.mjs'
import { installSettings, PODMAN_SOCKET, podmanCommand } from './podman.mjs'
import { isRunning, startProcess, stopProcess } from './processes.mjs'
import { waitFor } from './run.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The engines of the lab. `suite` is the Debian suite of an engine with a root folder of its own; with `isNewest` the
 * folder's containerd and runc serve a `dockerd` that is built here; with `isPodman` it is Podman's service.
 */
export const ENGINES = [
  { name: 'docker-20.10', arguments: ['--storage-driver', 'overlay2'] },
  { name: 'docker-28.5', suite: 'forky', arguments: ['--storage-driver', 'overlay2'] },
  {
    name: 'docker-28.5-containerd',
    suite: 'forky',
    arguments: ['--feature', 'containerd-snapshotter=true'],
  },
  { name: 'docker-29', suite: 'forky', isNewest: true, arguments: [] },
  { name: 'podman-4.3', suite: 'bookworm', isPodman: true },
  { name: 'podman-5.4', suite: 'trixie', isPodman: true },
]

// No bridge: containers use the machine's network or none, so nothing but loopback is ever addressed,
// and engines side by side do not fight over a bridge or packet filter.
const NETWORK = ['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-forward=false']

export const engineLog = (paths, { name }) => join(paths.logs, `${name}.log`)

export const engineSocket = (paths, { name, isPodman }) =>
  join(paths.run, name, isPodman ? PODMAN_SOCKET : 'docker.sock')

export const isEngineRunning = (paths, { name }) => isRunning(paths, name)

/** Starts an engine, waits until it answers, and returns what it says about itself. */
export async function launchEngine(paths, engine) {
  if (!isEngineRunning(paths, engine)) startEngine(paths, engine)
  return describeEngine(paths, engine)
}

export function haltEngine(paths, { name }) {
  return stopProcess(paths, name)
}

/** The docker command that belongs to an engine (the machine's own for Podman), and the environment it needs. */
export function cli(paths, engine) {
  const env = { PATH, HOME: process.env.HOME, DOCKER_HOST: `unix://${engineSocket(paths, engine)}` }
  if (!engine.suite || engine.isPodman) {
    const config = join(paths.lab, 'cli', engine.name)
    mkdirSync(config, { recursive: true })
    return { command: '/usr/bin/docker', env: { ...env, DOCKER_CONFIG: config } }
  }
  const folder = join(paths.roots, `${engine.suite}-cli`)
  return { command: join(folder, 'docker'), env: { ...env, DOCKER_CONFIG: folder } }
}

function startEngine(paths, engine) {
  const { name } = engine
  const data = engine.data ?? join(paths.engines, name, 'data')
  const runFolder = join(paths.run, name)
  // What an engine left here names processes of another pid namespace.
  rmSync(runFolder, { recursive: true, force: true })
  for (const folder of [data, dirname(engineSocket(paths, engine))]) {
    mkdirSync(folder, { recursive: true })
  }

  const seen = engine.suite
    ? { data: '/engine/data', run: '/engine/run' }
    : { data, run: runFolder }
  const script = join(HERE, engine.suite ? 'enter-root.sh' : 'enter-host.sh')
  const root = engine.suite ? [join(paths.roots, engine.suite), data, runFolder] : []
  if (engine.isPodman) installSettings(root[0], readJson(paths.network).plain.address)
  const daemon = engine.isPodman ? podmanCommand(seen) : dockerCommand(paths, engine, seen)
  // A pid namespace: when its first process ends, the kernel ends all that the engine started.
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private']
  const entered = ['sh', script, paths.hosts, paths.caBundle, ...root, 'tini', '--', ...daemon]
  const logFile = engineLog(paths, engine)
  rmSync(logFile, { force: true })
  const leash = engine.isLeashed ? ['setpriv', '--pdeathsig', 'KILL'] : []
  const [program, ...args] = [...leash, 'unshare', ...namespaces, ...entered]
  startProcess(paths, name, program, args, {
    env: { PATH, HOME: '/root' },
    logFile,
  })
}

function dockerCommand(paths, engine, { data, run }) {
  const root = join(paths.roots, String(engine.suite))
  const command = engine.isNewest ? installDockerd(paths, root) : 'dockerd'
  return [
    [command, '--debug', '--host', `unix://${run}/docker.sock`],
    ['--data-root', data, '--exec-root', `${run}/exec`],
    ['--pidfile', `${run}/docker.pid`, '--shutdown-timeout', '3'],
    NETWORK,
    engine.arguments,
  ].flat()
}

async function describeEngine(paths, engine) {
  const isHopeless = () => {
    if (isEngineRunning(paths, engine)) return
    const tail = readFileSync(engineLog(paths, engine), 'utf8').trim().split('\n').slice(-6)
    throw new Error(`engine \`${engine.name}\` ended:\n${tail.join('\n')}`)
  }
  const ask = (path) => get(engineSocket(paths, engine), path).catch(() => null)
  const version = await waitFor(engine.name, () => ask('/version'), {
    timeoutMs: 60_000,
    isHopeless,
  })
  const { DriverStatus } = await waitFor(engine.name, () => ask('/info'), { isHopeless })
  const isContainerd = DriverStatus.some(([, value]) =>
    value.startsWith('io.containerd.snapshotter'),
  )
  const store = isContainerd ? 'containerd' : 'graphdriver'
  return {
    name: engine.name,
    endpoint: `unix://${engineSocket(paths, engine)}`,
    version: version.Version,
    apiVersion: version.ApiVersion,
    store: engine.isPodman ? 'podman' : store,
    platform: `linux/${architecture.docker}`,
    logFile: engineLog(paths, engine),
  }
}

function get(socketPath, path) {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath, path, agent: false, headers: { host: 'docker' } },
      async (response) => {
        try {
          const chunks = await response.toArray()
          resolve(JSON.parse(Buffer.concat(chunks).toString()))
        } catch (error) {
          reject(error)
        }
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}
