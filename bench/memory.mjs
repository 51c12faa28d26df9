import { docker, readLab } from '../lab/state.mjs'
import { CLIENTS } from './clients.mjs'
import { markdown, save } from './report.mjs'
import { Tree } from './tree.mjs'

const MEBIBYTE = 1024 * 1024
const TAG = 'shipway-bench/memory:1'

/** 500,000 files of a few bytes in 1,000 folders. */
const SHAPE = { folders: 1000, files: 500, sizeBytes: () => 8 }

const ENGINES = ['docker-28.5']

/** Measures the peak memory of a Node process that builds a large context, and of one that builds an empty one. */
export async function benchMemory({ engines: names = ENGINES }) {
  const results = []
  for (const engine of readLab().engines.filter(({ name }) => names.includes(name))) {
    const empty = new Tree({ ...SHAPE, folders: 0 })
    const large = new Tree(SHAPE)
    try {
      for (const [row, tree] of [
        ['an empty context', empty],
        ['first build', large],
        ['nothing changed', large],
      ]) {
        const build = { endpoint: engine.endpoint, folder: tree.folder, tag: TAG, noCache: false }
        const { wallMs, cpuMs, peakBytes } = await CLIENTS.shipway(build)
        results.push({ engine: engine.name, row, wallMs, cpuMs, peakBytes })
        console.error(`${engine.name}, ${row}: ${(peakBytes / MEBIBYTE).toFixed(1)} MiB`)
      }
    } finally {
      for (const tree of [empty, large]) tree.remove()
      await docker(engine, ['image', 'rm', '--force', TAG])
      await docker(engine, ['builder', 'prune', '--all', '--force'])
    }
  }
  const lines = results.map(({ engine, row, wallMs, cpuMs, peakBytes }) => [
    engine,
    row,
    (peakBytes / MEBIBYTE).toFixed(1),
    (wallMs / 1000).toFixed(1),
    (cpuMs / 1000).toFixed(2),
  ])
  const text = [
    '# Peak memory for a context of 500,000 files',
    '',
    `\`npm run bench -- memory\`: the peak of resident memory of a Node process (${process.version}) that builds, its own code`,
    'included.',
    '',
    ...markdown([['engine', 'build', 'peak MiB', 'wall s', 'CPU s'], ...lines]),
  ].join('\n')
  save('memory', text, { node: process.version, results })
}
