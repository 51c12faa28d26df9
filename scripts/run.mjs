// Runs a command with its output on this terminal, and says how long it took.
import { spawn } from 'node:child_process'

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean }} [options] `quiet` shows the output only when the command fails
 * @returns {Promise<string>} standard output, where `quiet`
 */
export function run(command, args, { env = process.env, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    })
    const out = []
    const all = []
    child.stdout?.on('data', (bytes) => {
      out.push(bytes)
      all.push(bytes)
    })
    child.stderr?.on('data', (bytes) => all.push(bytes))
    child.on('error', (error) => reject(new Error(`cannot run \`${command}\`: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString())
      if (quiet) process.stderr.write(Buffer.concat(all))
      reject(new Error(`\`${[command, ...args].join(' ')}\` ended with ${signal ?? code}`))
    })
  })
}

/** Seconds since `start`, for people. */
export const since = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`

/** Announces a step, runs it, and says how long it took. */
export async function step(title, work) {
  const start = performance.now()
  process.stderr.write(`\n== ${title}\n`)
  const result = await work()
  process.stderr.write(`== ${title}: ${since(start)}\n`)
  return result
}
