// `npm run bench -- context | memory | limits | failures`: what work costs the client, side by side with `docker buildx build` and
// dockerode; and what clients say of what goes wrong.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { bringLabUp } from '../scripts/engine.mjs'
import { run, since, step } from '../scripts/run.mjs'
import { installPackages, root } from '../scripts/setup.mjs'
import { benchContext } from './context.mjs'
import { benchFailures } from './failures.mjs'
import { benchLimits } from './limits.mjs'
import { benchMemory } from './memory.mjs'

const USAGE = `usage: npm run bench -- context [--rounds 5] [--engine NAME]...   three clients, four builds, side by side
       npm run bench -- memory [--engine NAME]               peak memory for a context of 500,000 files
       npm run bench -- limits [--rounds 5] [--scale 1] [--engine NAME]...   many pulls at once, many layers, many lines
       npm run bench -- failures [--engine NAME]             what clients say of what goes wrong`

const BENCHES = {
  context: benchContext,
  memory: benchMemory,
  limits: benchLimits,
  failures: benchFailures,
}

/** What must be installed, and was not always asked for. */
const COMPARED = ['dockerode', '@docker/node-sdk', 'testcontainers']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    engine: { type: 'string', multiple: true },
  },
})
const bench = BENCHES[positionals[0]]
const rounds = Number(values.rounds)
const scale = Number(values.scale)
if (!bench || positionals.length > 1 || !(rounds >= 1) || !(scale > 0)) {
  console.error(USAGE)
  process.exit(2)
}

const start = performance.now()
process.chdir(root)
await installPackages()
const own = path.join(root, 'bench')
if (!COMPARED.every((name) => existsSync(path.join(own, 'node_modules', name)))) {
  const install = ['ci', '--prefix', own, '--ignore-scripts', '--no-audit', '--no-fund']
  await step('install what is compared', () => run('npm', install, { quiet: true }))
}
// Always: what is there may be a debug build, which is several times slower.
await step('build the addon', () => run('npm', ['run', '--silent', 'build']))
const unsupported = await bringLabUp()
if (unsupported) throw new Error(unsupported)
await bench({ rounds, scale, engines: values.engine })
console.error(`\nthe whole bench: ${since(start)}`)
