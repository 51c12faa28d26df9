import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { root } from '../scripts/setup.mjs'

const FOLDER = path.join(root, 'bench', 'results')
const MEBIBYTE = 1024 * 1024

const seconds = (ms) => (ms / 1000).toFixed(2)
const mebibytes = (bytes) => (bytes / MEBIBYTE).toFixed(bytes < 10 * MEBIBYTE ? 2 : 0)
const milliseconds = (ms) => (ms === undefined ? '' : ms.toFixed(1))

const COLUMNS = [
  ['wall s', ({ wallMs }) => seconds(wallMs)],
  ['CPU s', ({ cpuMs }) => seconds(cpuMs)],
  ['peak MiB', ({ peakBytes }) => (peakBytes / MEBIBYTE).toFixed(0)],
  ['sent MiB', ({ sentBytes }) => mebibytes(sentBytes)],
  ['idle p99 ms', ({ idleP99Ms }) => milliseconds(idleP99Ms)],
  ['loop p99 ms', ({ loopP99Ms }) => milliseconds(loopP99Ms)],
  ['loop max ms', ({ loopMaxMs }) => milliseconds(loopMaxMs)],
]

export function median(values) {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Prints the tables, and writes them with every sample beside them. */
export function writeReport({ rounds, machine, results }) {
  const text = [
    '# What a build costs the client',
    '',
    `\`npm run bench -- context\`: 20,000 files in 400 folders and one of 200 MB. Medians of ${rounds} rounds, in which the`,
    `clients take turns; ${machine.cores} cores (${machine.cpu}), Node ${machine.node}. CPU and memory are those of the client's`,
    'processes. Bytes are counted in a round of their own. How late the event loop is: of a process',
    'that does nothing (idle), and of the client; the longest delay is that of all rounds.',
    ...results.flatMap(table),
  ].join('\n')
  save('context', text, { rounds, machine, results })
}

/** Writes a report as Markdown and as JSON, and prints it. */
export function save(name, text, data) {
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(path.join(FOLDER, `${name}.md`), `${text}\n`)
  writeFileSync(path.join(FOLDER, `${name}.json`), `${JSON.stringify(data, null, 2)}\n`)
  console.log(`\n${text}`)
}

function table({ engine, rows }) {
  const names = COLUMNS.map(([name]) => name)
  const header = ['build', 'client', ...names, 'wall', 'CPU']
  const lines = rows.map((cell) => {
    const own = rows.find(({ row, client }) => row === cell.row && client === 'shipway')
    return [
      cell.row,
      cell.client,
      ...COLUMNS.map(([, show]) => show(cell.figures)),
      ratio(cell.samples.wallMs, own.samples.wallMs),
      ratio(cell.samples.cpuMs, own.samples.cpuMs),
    ]
  })
  return [
    '',
    `## Docker ${engine.version}, ${engine.store} image store`,
    '',
    'The last two columns are multiples of what shipway takes in the same round, again medians.',
    '',
    ...markdown([header, ...lines]),
  ]
}

/** Round by round: what the machine did besides is alike within one, and not from one to the next. */
const ratio = (values, own) =>
  `${median(values.map((value, round) => value / own[round])).toFixed(2)}×`

/** A table whose columns are aligned: the first two, or `left` of them, to the left, numbers to the right. */
export function markdown([header, ...lines], left = 2) {
  const widths = header.map((_, column) =>
    Math.max(3, ...[header, ...lines].map((line) => line[column].length)),
  )
  const show = (line) =>
    `| ${line.map((cell, column) => pad(cell, widths[column], column < left)).join(' | ')} |`
  const rule = widths.map((width, column) => {
    const dashes = '-'.repeat(column < left ? width : width - 1)
    return column < left ? dashes : `${dashes}:`
  })
  return [show(header), `| ${rule.join(' | ')} |`, ...lines.map(show)]
}

const pad = (cell, width, isLeft) => (isLeft ? cell.padEnd(width) : cell.padStart(width))
