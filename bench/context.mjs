import { randomBytes } from 'node:crypto'
import { cpus, totalmem } from 'node:os'

import { run } from '../lab/run.mjs'
import { docker, readLab } from '../lab/state.mjs'
import { CLIENTS } from './clients.mjs'
import { countBytes } from './counting-proxy.mjs'
import { median, writeReport } from './report.mjs'
import { LABEL, Tree } from './tree.mjs'

const MEBIBYTE = 1024 * 1024
const ENGINES = ['docker-28.5', 'docker-28.5-containerd']

/** 20,000 files in 400 folders, 1 to 17 KiB each, and one of 200 MB. */
const SHAPE = {
  folders: 400,
  files: 50,
  sizeBytes: (file) => (1 + ((file * 7) % 17)) * 1024,
  largeBytes: 200 * 1000 * 1000,
}

/** What is built, in this order: each build finds what the one before it has left. */
const ROWS = [
  // Nothing is known of the folder, and no step is taken from the cache.
  { name: 'first build', noCache: true, prepare() {} },
  { name: 'nothing changed', prepare() {} },
  { name: 'one file changed', prepare: (tree) => tree.changeOne() },
  { name: 'all touched, none changed', prepare: (tree) => tree.touchAll() },
]

/** Measures every client with every row on every engine, interleaved, and reports medians. */
export async function benchContext({ rounds, engines: names = ENGINES }) {
  const engines = readLab().engines.filter(({ name }) => names.includes(name))
  if (engines.length === 0) throw new Error(`no engine is named ${names.join(' or ')}`)
  // One for each: an engine that has a content from one client need not copy that of another.
  const trees = Object.fromEntries(Object.keys(CLIENTS).map((name) => [name, new Tree(SHAPE)]))
  const results = []
  try {
    for (const engine of engines) {
      const cells = new Map()
      for (let round = 0; round < rounds; round += 1) {
        await playRound(engine, trees, round, async ({ row, client, build }) => {
          const taken = await CLIENTS[client](build)
          note(cells, row, client, taken)
          say(engine, round, row, client, taken)
        })
      }
      // Apart: what counts the bytes takes time of its own.
      await playRound(engine, trees, rounds, async ({ row, client, build }) => {
        const sentBytes = await countBytes(build.endpoint, (endpoint) =>
          CLIENTS[client]({ ...build, endpoint }),
        )
        note(cells, row, client, { sentBytes })
        say(engine, rounds, row, client, { sentBytes })
      })
      results.push({ engine: describe(engine), rows: summary(cells) })
    }
  } finally {
    for (const tree of Object.values(trees)) tree.remove()
    for (const engine of engines) await forget(engine)
  }
  const { length: cores, 0: cpu } = cpus()
  const machine = { cores, cpu: cpu.model.trim(), memoryBytes: totalmem(), node: process.version }
  writeReport({ rounds, machine, results })
}

/** Does every row once with every client; who begins changes from round to round. */
async function playRound(engine, trees, round, measureOne) {
  await forget(engine)
  const names = Object.keys(CLIENTS)
  const order = names.map((_, index) => names[(index + round) % names.length])
  // By its name an engine knows a folder again.
  const id = randomBytes(4).toString('hex')
  for (const client of order) trees[client].rename(`${client}-${id}`)
  for (const row of ROWS) {
    for (const client of order) {
      row.prepare(trees[client])
      // What one client makes the engine write, the next does not wait for.
      await run('sync', [])
      const { endpoint } = engine
      const tag = `shipway-bench/${client}:1`
      const build = { endpoint, folder: trees[client].folder, tag, noCache: row.noCache ?? false }
      await measureOne({ row: row.name, client, build })
    }
  }
}

/** Leaves the engine without images and records of a round before. */
async function forget(engine) {
  const tags = Object.keys(CLIENTS).map((client) => `shipway-bench/${client}:1`)
  await docker(engine, ['image', 'rm', '--force', ...tags])
  // Those whose name another build has taken.
  await docker(engine, ['image', 'prune', '--force', '--filter', `label=${LABEL}`])
  await docker(engine, ['builder', 'prune', '--all', '--force'])
}

function note(cells, row, client, taken) {
  const key = `${row}/${client}`
  const cell = cells.get(key) ?? { row, client, samples: {} }
  cells.set(key, cell)
  for (const [name, value] of Object.entries(taken)) (cell.samples[name] ??= []).push(value)
}

function summary(cells) {
  return [...cells.values()].map(({ row, client, samples }) => {
    const figures = {}
    for (const [name, all] of Object.entries(samples)) {
      figures[name] = name.includes('Max') ? Math.max(...all) : median(all)
    }
    return { row, client, figures, samples }
  })
}

function describe({ name, version, apiVersion, store }) {
  return { name, version, apiVersion, store }
}

function say(engine, round, row, client, { wallMs, cpuMs, peakBytes, sentBytes }) {
  const figures =
    sentBytes === undefined
      ? `${(wallMs / 1000).toFixed(2)} s, CPU ${(cpuMs / 1000).toFixed(2)} s, ${(peakBytes / MEBIBYTE).toFixed(0)} MiB`
      : `${(sentBytes / MEBIBYTE).toFixed(1)} MiB sent`
  console.error(`${engine.name}, round ${round + 1}, ${row}, ${client}: ${figures}`)
}
