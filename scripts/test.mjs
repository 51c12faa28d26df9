// `npm test`: sets up what is missing, runs the Rust and the JavaScript tests, and counts them.
import { spawn } from 'node:child_process'

import { bringLabUp } from './engine.mjs'
import { since } from './run.mjs'
import { buildAddon, installPackages, root } from './setup.mjs'

process.chdir(root)
const start = performance.now()
await installPackages()
await buildAddon()
const noLab = await bringLabUp()
if (noLab) console.error(noLab)

const total = { passed: 0, failed: 0, skipped: 0 }

await count(
  'cargo',
  ['test', '--workspace', '--all-features', '--locked', '--no-fail-fast'],
  (line) => {
    const match = /^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored/.exec(line)
    return match && { passed: +match[1], failed: +match[2], skipped: +match[3] }
  },
)
await count('npm', ['run', '--silent', 'test:js'], (line) => {
  const match = /^(?:ℹ|#) (pass|fail|cancelled|skipped|todo) (\d+)$/.exec(line)
  if (!match) return null
  const counter = {
    pass: 'passed',
    fail: 'failed',
    cancelled: 'failed',
    skipped: 'skipped',
    todo: 'skipped',
  }[match[1]]
  return { [counter]: +match[2] }
})

console.log(`\nall tests: ${since(start)}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
if (noLab) console.log(`skipped where the lab is needed: ${noLab}`)
process.exitCode ||= total.failed > 0 || total.passed === 0 ? 1 : 0

/** Runs a test command, shows its output, and adds up what its closing lines count. */
function count(command, args, read) {
  return new Promise((resolve) => {
    const before = total.passed
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let rest = ''
    child.stdout.on('data', (bytes) => {
      process.stdout.write(bytes)
      const lines = (rest + bytes).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        for (const [key, value] of Object.entries(read(line) ?? {})) total[key] += value
      }
    })
    child.on('error', (error) => {
      console.error(`cannot run \`${command}\`: ${error.message}`)
      process.exitCode = 1
      resolve()
    })
    child.on('close', (code) => {
      if (code !== 0) process.exitCode = 1
      if (total.passed === before) {
        console.error(`\`${command} ${args[0]}\` reported no test that passed`)
        process.exitCode = 1
      }
      resolve()
    })
  })
}
