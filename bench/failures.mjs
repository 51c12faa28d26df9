import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

import { startFaultRegistry } from '../lab/fault-registry.mjs'
import { ownEngine } from '../lab/own-engine.mjs'
import { run as runProgram } from '../lab/run.mjs'
import { readLab } from '../lab/state.mjs'
import { reportFailures } from './failures-report.mjs'
import { verdictOf } from './failures-verdict.mjs'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const CLIENTS = ['shipway', 'dockerode', 'node-sdk', 'testcontainers']

/** The current testcontainers does not load on Node 20: all clients run on the same newer one. */
const NODE = path.join(HERE, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')

/** The lab of another checkout, for measuring while others use it. */
const LAB = process.env.SHIPWAY_LAB_STATE
const root = LAB && path.dirname(path.dirname(LAB))

/** shipway gives up last of those that do: three tries, in each of which nothing moves for a minute. */
const LIMIT_MS = 240_000

/** What waits costs nothing: what takes a minute and more runs at once, and all else a few at a time. */
const LANES = { slow: 64, quick: 12 }

const FILES = { Dockerfile: 'FROM scratch\nCOPY main.js /\n', 'main.js': 'hello()\n' }

const DEBIAN = 'FROM docker.io/library/debian:bookworm-slim'

/** Builds by BuildKit that fail, and one that does not. `fault` is what the base image of `FROM BASE` has. */
const BUILDS = [
  { title: 'build: nothing is wrong', outcome: 'ok', files: FILES },
  {
    title: 'build: COPY of a file that is not there',
    outcome: 'BUILD_FAILED',
    files: { ...FILES, Dockerfile: 'FROM scratch\nCOPY missing.js /\n' },
  },
  {
    title: 'build: an instruction that there is not',
    outcome: 'DOCKERFILE_INVALID',
    files: { ...FILES, Dockerfile: 'FROM scratch\nCOPPY main.js /\n' },
  },
  {
    title: 'build: a context without a Dockerfile',
    outcome: 'DOCKERFILE_INVALID',
    files: { 'main.js': FILES['main.js'] },
  },
  {
    title: 'build: a step that exits with 3',
    outcome: 'BUILD_FAILED',
    files: { Dockerfile: `${DEBIAN}\nRUN --network=none exit 3\n` },
  },
  {
    title: 'build: the tag of the base image is unknown',
    outcome: 'IMAGE_NOT_FOUND',
    fault: 'manifest-unknown',
    files: { Dockerfile: 'FROM BASE\n' },
  },
  {
    title: 'build: the registry denies access to the base image',
    outcome: 'ACCESS_DENIED',
    fault: 'denied',
    files: { Dockerfile: 'FROM BASE\n' },
  },
]

/**
 * Has every client pull and build what goes wrong, with its own defaults and as its documentation shows, on an engine like
 * the one of the lab: nothing is in its store, and it loads as many layers at once as are asked for, so that no client waits
 * for another. Each pull has a repository of its own, with an image of its own.
 */
export async function benchFailures({ engines: [like] = ['docker-28.5'] }) {
  const lab = readLab(root)
  const known = lab.engines.find(({ name }) => name === like)
  if (!known) throw new Error(`no engine \`${like}\` in the lab`)
  // Not before it is installed.
  const { tsImport } = await import('tsx/esm/api')
  const { PULL_CAUSES, outcomeFor } = await tsImport(
    '../__test__/helpers/causes.ts',
    import.meta.url,
  )
  const registry = await startFaultRegistry({ caFile: lab.caFile })
  const engine = ownEngine(like, { root, args: () => ['--max-concurrent-downloads=64'] })
  const folder = mkdtempSync(path.join(tmpdir(), 'shipway-bench-'))
  try {
    const { version } = await engine.start()
    const context = { engine, registry, folder }
    const causes = [
      ...PULL_CAUSES.map((cause) =>
        Object.assign({}, cause, { outcome: outcomeFor(cause, known) }),
      ),
      ...BUILDS,
    ]
    const runs = causes.flatMap((cause, index) =>
      CLIENTS.map((client) => ({ cause, client, name: `${client}/${index}` })),
    )
    const isSlow = ({ cause: { isSlow, outcome } }) => isSlow || outcome === 'STALLED'
    await Promise.all([
      inLanes(LANES.slow, runs.filter(isSlow), (each) => runOne(context, each)),
      inLanes(
        LANES.quick,
        runs.filter((each) => !isSlow(each)),
        (each) => runOne(context, each),
      ),
    ])
    const unable = runs.filter(({ cause, result }) => cause === causes[0] && !result.exists)
    if (unable.length > 0) throw new Error(`cannot pull at all: ${unable[0].client}`)
    reportFailures({
      engine: { like, version, store: known.store },
      limitMs: LIMIT_MS,
      node: (await runProgram(NODE, ['--version'])).trim(),
      clients: CLIENTS,
      rows: causes.map((cause) => {
        const own = runs.filter((each) => each.cause === cause)
        const results = own.map(({ client, result }) => [client, result])
        const { title, fault, outcome } = cause
        return { title, fault, outcome, results: Object.fromEntries(results) }
      }),
    })
  } finally {
    registry.close()
    await engine.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function inLanes(count, items, work) {
  const queue = [...items]
  const lane = async () => {
    for (let item = queue.shift(); item; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: count }, lane))
}

/** Runs one client as a process of its own, and judges what came of it. */
async function runOne({ engine: { endpoint }, registry, folder }, run) {
  const { cause, client, name } = run
  const base = cause.fault && registry.reference(cause.fault, name)
  const image = cause.files ? `shipway-bench/${name}:1` : base
  const host = base?.split('/')[0]
  const task = {
    client,
    endpoint,
    image,
    credentials: cause.options?.(host).credentials,
    ...(cause.files && { folder: writeContext(path.join(folder, name), cause.files, base) }),
  }
  const home = path.join(folder, 'home', name)
  mkdirSync(home, { recursive: true })
  if (await imageExists(endpoint, image)) throw new Error(`\`${image}\` is already there`)
  const settled = await runClient(task, home)
  run.result = { image, exists: await imageExists(endpoint, image), ...settled }
  const verdict = verdictOf(cause.outcome, run.result)
  console.error(
    `${client}: ${cause.title}: ${verdict}${settled.message ? `: ${settled.message}` : ''}`,
  )
}

function writeContext(folder, files, base) {
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(folder, name), content.replace('BASE', base))
  }
  return folder
}

async function runClient(task, home) {
  const start = performance.now()
  const child = spawn(NODE, [path.join(HERE, 'clients', 'failures.mjs'), JSON.stringify(task)], {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      DOCKER_HOST: task.endpoint,
      // It would start a container that cleans up.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
      // It would look for a network that engines of the lab have not.
      TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
      ...(task.credentials && { DOCKER_AUTH_CONFIG: authConfig(task.credentials) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let isLate = false
  const limit = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, LIMIT_MS)
  const closed = new Promise((resolve) => child.once('close', (code) => resolve(code)))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  clearTimeout(limit)
  const wallMs = Math.round(performance.now() - start)
  if (stdout.startsWith('{')) return { ...JSON.parse(stdout), wallMs }
  // 13: nothing was left that could settle the promise that is awaited (https://nodejs.org/api/process.html#exit-codes).
  if (isLate || code === 13) return { kind: 'unsettled', wallMs }
  return { kind: 'crashed', message: thrown(stderr), wallMs }
}

/** What ended a process: the line that says so, without places on this machine. */
const thrown = (stderr) => /^\S*Error\b.*$/m.exec(stderr)?.[0] ?? stderr.trim().split('\n').at(-1)

function authConfig(credentials) {
  const auths = Object.entries(credentials).map(([host, { username, password }]) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ])
  return JSON.stringify({ auths: Object.fromEntries(auths) })
}

/** Asks the engine without any of the clients. */
function imageExists(endpoint, image) {
  return new Promise((resolve, reject) => {
    const socketPath = new URL(endpoint).pathname
    const ask = request({ socketPath, path: `/images/${image}/json`, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    ask.once('error', reject).end()
  })
}
