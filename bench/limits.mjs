import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { makeImageOf } from '../lab/layers-image.mjs'
import { labPaths } from '../lab/paths.mjs'
import { openRegistry, pushImage } from '../lab/registry-client.mjs'
import { run as sync } from '../lab/run.mjs'
import { docker, readLab } from '../lab/state.mjs'
import { measure } from './measure.mjs'
import { markdown, median, save } from './report.mjs'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const MEBIBYTE = 1024 * 1024
const ENGINES = ['docker-28.5', 'docker-28.5-containerd']

/** The lab of another checkout, for measuring while others use it. */
const LAB = process.env.SHIPWAY_LAB_STATE
const lab = { root: LAB && path.dirname(path.dirname(LAB)) }

const PULLS = 50
const LAYERS = 10_000
const LINES = 1_000_000

/** Lines of one step: what BuildKit takes of a step within its first second (`BUILDKIT_STEP_LOG_MAX_SPEED`, 200 KiB). */
const STEP_LINES = 100_000

/** The goals: how late the event loop may be, and how much memory may grow from a quarter of the run to its end. */
const GOALS = { loopP99Ms: 10, growthBytes: 16 * MEBIBYTE }

/** Measures what many pulls at once, many layers and many lines cost. `scale` makes all of them smaller. */
export async function benchLimits({ rounds, engines: names = ENGINES, scale }) {
  const rows = []
  const row = async (name, clients, task, prepare = () => {}) => {
    for (let round = 0; round < rounds; round += 1) {
      // What one client makes the engine do, the next may wait for: who begins changes.
      const first = round % clients.length
      for (const client of [...clients.slice(first), ...clients.slice(0, first)]) {
        await prepare()
        await sync('sync', [])
        const taken = await run({ ...task, client })
        note(rows, name, client, taken)
        console.error(`${name}, ${client}, round ${round + 1}: ${say(taken)}`)
      }
    }
  }
  const both = ['shipway', 'dockerode']
  const layers = Math.ceil(LAYERS * scale)
  await withScript('layers', layers, (endpoint) =>
    row(`${number(layers)} layers`, both, { endpoint, images: ['acme/app:1'] }),
  )
  const lines = Math.ceil(LINES * scale)
  await withScript('lines', lines, (endpoint) => {
    const build = { dockerfileInline: 'FROM scratch', tags: ['a:1'], builder: 'classic' }
    return row(`${number(lines)} lines, classic builder`, both, { endpoint, build })
  })
  for (const engine of readLab(lab.root).engines.filter(({ name }) => names.includes(name))) {
    await onEngine(engine, Math.max(1, Math.ceil(lines / STEP_LINES)), both, row)
  }
  report(rounds, rows)
}

/** Pulls from the lab's registry, and a build of BuildKit, which dockerode cannot follow. */
async function onEngine(engine, steps, both, row) {
  const { endpoint, name } = engine
  const registry = openRegistry(labPaths(lab.root), 'plain')
  const images = []
  for (let index = 1; index <= PULLS; index += 1) {
    const repository = `shipway-bench/limits-${index}`
    await pushImage(registry, repository, '1', makeImageOf(`limits-${index}`, 3, 64 * 1024))
    images.push(`${registry.host}/${repository}:1`)
  }
  const forget = (all) => docker(engine, ['image', 'rm', '--force', ...all], lab)
  const same = Array.from(images, () => images[0])
  try {
    await row(`${PULLS} pulls of one image, ${name}`, both, { endpoint, images: same }, () =>
      forget(images),
    )
    await row(`${PULLS} pulls of ${PULLS} images, ${name}`, both, { endpoint, images }, () =>
      forget(images),
    )
    const build = {
      dockerfileInline: [
        'FROM docker.io/library/debian:bookworm-slim',
        ...Array.from(
          { length: steps },
          (_, step) => `RUN : ${step}; yes x | head -n ${STEP_LINES}`,
        ),
      ].join('\n'),
      network: 'none',
      tags: ['shipway-bench/limits:1'],
      builder: 'buildkit',
    }
    await row(`${number(steps * STEP_LINES)} lines, BuildKit, ${name}`, ['shipway'], {
      endpoint,
      build,
    })
  } finally {
    await forget([...images, 'shipway-bench/limits:1'])
  }
}

/** Runs one client as a process of its own. */
async function run(task) {
  const file = path.join(HERE, 'clients', 'limits.mjs')
  const { stdout, idleP99Ms } = await measure(process.execPath, [file, JSON.stringify(task)])
  return { ...JSON.parse(stdout), idleP99Ms }
}

/** Has a scripted engine of its own process while `work` runs. */
async function withScript(kind, count, work) {
  const folder = mkdtempSync(path.join(tmpdir(), 'shipway-bench-'))
  const socket = path.join(folder, 'engine.sock')
  const engine = fork(path.join(HERE, 'scripted-engine.mjs'), [socket, kind, String(count)])
  try {
    await once(engine, 'message')
    await work(`unix://${socket}`)
  } finally {
    engine.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

function note(rows, name, client, taken) {
  const known = rows.find((row) => row.name === name && row.client === client)
  if (known) known.samples.push(taken)
  else rows.push({ name, client, samples: [taken] })
}

/** Medians, but for the longest delay. */
function figures({ samples }) {
  const names = Object.keys(samples[0])
  const of = (name) => samples.map((sample) => sample[name])
  return Object.fromEntries(
    names.map((name) => [name, name === 'loopMaxMs' ? Math.max(...of(name)) : median(of(name))]),
  )
}

const number = (value) => value.toLocaleString('en-US')
const mebibytes = (bytes) => (bytes / MEBIBYTE).toFixed(0)

function say({ wallMs, cpuMs, loopP99Ms, loopMaxMs, peakBytes, earlyBytes, lateBytes, ...counts }) {
  const memory = `${mebibytes(earlyBytes)} → ${mebibytes(lateBytes)} MiB (peak ${mebibytes(peakBytes)})`
  const loop = `loop p99 ${loopP99Ms.toFixed(1)} ms, max ${loopMaxMs.toFixed(1)} ms`
  const events = `${number(counts.events)} events in ${number(counts.batches)} batches, ${number(counts.lost)} lines lost`
  return `${(wallMs / 1000).toFixed(2)} s, CPU ${(cpuMs / 1000).toFixed(2)} s, ${memory}, ${loop}, ${events}`
}

function report(rounds, rows) {
  const results = rows.map((row) => ({ ...row, figures: figures(row) }))
  const header = ['work', 'client', 'wall s', 'CPU s', 'at 25 % MiB', 'at the end MiB', 'peak MiB']
  header.push('idle p99 ms', 'loop p99 ms', 'loop max ms', 'events', 'lines lost', 'wall', 'CPU')
  const lines = results.map(({ name, client, figures: taken }) => {
    const own = results.find((row) => row.name === name && row.client === 'shipway').figures
    return [
      name,
      client,
      (taken.wallMs / 1000).toFixed(2),
      (taken.cpuMs / 1000).toFixed(2),
      mebibytes(taken.earlyBytes),
      mebibytes(taken.lateBytes),
      mebibytes(taken.peakBytes),
      taken.idleP99Ms.toFixed(1),
      taken.loopP99Ms.toFixed(1),
      taken.loopMaxMs.toFixed(1),
      number(taken.events),
      number(taken.lost),
      `${(taken.wallMs / own.wallMs).toFixed(2)}×`,
      `${(taken.cpuMs / own.cpuMs).toFixed(2)}×`,
    ]
  })
  const missed = results.filter(
    ({ client, figures: taken }) =>
      client === 'shipway' &&
      (taken.loopP99Ms > GOALS.loopP99Ms || taken.lateBytes - taken.earlyBytes > GOALS.growthBytes),
  )
  const text = [
    '# What many pulls, layers and lines cost',
    '',
    `\`npm run bench -- limits\`: medians of ${rounds} rounds in which the clients take turns; ${cpus().length} cores, Node`,
    `${process.version}. Each client is a process of its own, with a listener that counts what it is told. The layers and the`,
    'lines of the classic builder come from a scripted engine, as fast as they are read; all else from engines and a',
    'registry of the lab. Memory is the resident memory of the process after a quarter of the time and at its end. The',
    'last two columns are multiples of what shipway takes.',
    '',
    ...markdown([header, ...lines]),
    '',
    `Goals: the event loop late by less than ${GOALS.loopP99Ms} ms (p99), and no more than ${mebibytes(GOALS.growthBytes)} MiB of growth after a`,
    `quarter of the time. ${missed.length === 0 ? 'All met.' : `Missed: ${missed.map(({ name }) => name).join('; ')}.`}`,
  ].join('\n')
  save('limits', text, { rounds, node: process.version, results })
}
