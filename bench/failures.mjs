import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { startFaultRegistry } from '../lab/fault-registry.mjs'
import { readLab } from '../lab/state.mjs'
import { readJson } from '../lab/files.mjs'
import { markdown, save } from './report.mjs'

const PROGRAM = fileURLToPath(new URL('./failures/pull.mjs', import.meta.url))
const CLIENTS = ['shipway', 'dockerode', 'node-sdk', 'testcontainers']
const LIMIT_MS = 30_000
const AT_ONCE = 5

/** What a pull came to, in the order of the columns. */
const KINDS = {
  image: 'the image',
  reason: 'failed, with a reason to decide by',
  words: 'failed, with words alone',
  falseSuccess: 'false success',
  falseFailure: 'gave up too soon',
  unsettled: 'never settled',
  crashed: 'process crashed',
}

/** Pulls every cause with each client, each in a process of its own. */
export async function benchFailures({ engines = ['docker-28.5'] }) {
  const { register } = await import('tsx/esm/api')
  register()
  const { PULL_CAUSES, outcomeFor } = await import('../__test__/helpers/causes.ts')
  const lab = readJson(process.env.SHIPWAY_LAB_STATE ?? '') ?? readLab()
  const engine = lab.engines.find(({ name }) => name === engines[0])
  // What the engine itself tries for a minute says nothing about its clients.
  const causes = PULL_CAUSES.filter(({ engineRetries }) => !engineRetries)
  const rows = []
  for (const client of CLIENTS) {
    const registry = await startFaultRegistry({ caFile: lab.caFile })
    const queue = causes.entries()
    const lane = async () => {
      for (const [index, cause] of queue) {
        const reference = registry.reference(cause.fault, `bench/${index}`)
        const { credentials } = cause.options?.(reference.split('/')[0]) ?? {}
        const told = await pull(client, { endpoint: engine.endpoint, reference, credentials })
        const kind = kindOf(told, outcomeFor(cause, engine))
        rows.push({ client, cause: cause.title, kind, ...told })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    registry.close()
  }
  report(engine, causes, rows)
}

function kindOf(told, expected) {
  if (told.unsettled) return 'unsettled'
  if (told.crashed) return 'crashed'
  if (expected === 'ok') return told.resolved ? 'image' : 'falseFailure'
  if (told.resolved) return 'falseSuccess'
  // 500 is what the engine answers for a missing tag, a rate limit and a reset alike.
  const hasStatus = told.status && told.status !== 500
  // Names of Node's own errors, and of 500, say no more.
  const hasType = told.type && !/^(Error|TypeError|InternalServerError)$/.test(told.type)
  return typeof told.code === 'string' || hasStatus || hasType ? 'reason' : 'words'
}

function pull(client, given) {
  const home = mkdtempSync(path.join(tmpdir(), 'failures-'))
  // testcontainers takes credentials from docker's own settings alone.
  const auths = Object.entries(given.credentials ?? {}).map(([host, { username, password }]) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ])
  writeFileSync(
    path.join(home, 'config.json'),
    JSON.stringify({ auths: Object.fromEntries(auths) }),
  )
  return new Promise((resolve) => {
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      DOCKER_CONFIG: home,
      DOCKER_HOST: given.endpoint,
      TESTCONTAINERS_RYUK_DISABLED: 'true',
      // Else it looks for the bridge, which engines of the lab do not have.
      TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
    }
    const child = spawn(process.execPath, [PROGRAM, client, JSON.stringify(given)], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
    let isLate = false
    const limit = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, LIMIT_MS)
    child.on('close', (code) => {
      clearTimeout(limit)
      rmSync(home, { recursive: true, force: true })
      const line = stdout.trim().split('\n').at(-1)
      if (isLate) return resolve({ unsettled: true })
      if (line?.startsWith('{')) return resolve(JSON.parse(line))
      // Node ends with 13 where a promise is awaited that nothing can settle any more.
      if (code === 13) return resolve({ unsettled: true })
      return resolve({ crashed: true, message: stderr.trim().split('\n').slice(-3).join(' ') })
    })
  })
}

function report(engine, causes, rows) {
  const kinds = Object.keys(KINDS)
  const count = (client, kind) =>
    String(rows.filter((row) => row.client === client && row.kind === kind).length)
  const totals = CLIENTS.map((client) => [client, ...kinds.map((kind) => count(client, kind))])
  const cell = (cause, client) => {
    const { kind } = rows.find((row) => row.cause === cause.title && row.client === client)
    return KINDS[kind]
  }
  const text = [
    '# What clients make of failed pulls',
    '',
    `\`npm run bench -- failures\`: ${causes.length} causes of \`lab/fault-registry.mjs\` on Docker ${engine.version} (${engine.store}), each`,
    `pull in a process of its own with a limit of ${LIMIT_MS / 1000} s; one engine is enough, for these are differences of clients. A reason to`,
    'decide by is a `code`, a class of its own, or an HTTP status other than 500, which Docker answers for most causes. Causes that the engine itself',
    'tries for a minute are left out. Who gave up too soon met a fault that passes, and did not try again.',
    '',
    ...markdown([['client', ...Object.values(KINDS)], ...totals]),
    '',
    ...markdown([
      ['cause', ...CLIENTS],
      ...causes.map((cause) => [cause.title, ...CLIENTS.map((client) => cell(cause, client))]),
    ]),
  ].join('\n')
  const clean = (text) => text?.replace(/\b(127|0)\.0\.0\.[01]:\d{4,5}/g, 'REGISTRY')
  const kept = rows.map(({ message, ...row }) => ({
    ...row,
    ...(message && { message: clean(message) }),
  }))
  save('failures', text, { engine: { name: engine.name, version: engine.version }, rows: kept })
}
