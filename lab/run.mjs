import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'

/** Runs a command to its end; resolves to `{status, stdout, stderr}`, whatever the status. */
export function execute(command, args, { cwd, env, input, logFile, signal } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      signal,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    const output = { stdout: [], stderr: [] }
    for (const stream of ['stdout', 'stderr']) {
      child[stream].on('data', (chunk) => {
        output[stream].push(chunk)
        if (logFile) appendFileSync(logFile, chunk)
      })
    }
    if (input !== undefined) child.stdin.end(input)
    child.on('error', reject)
    child.on('close', (status, killedBy) =>
      resolve({
        status: status ?? `signal ${killedBy}`,
        stdout: Buffer.concat(output.stdout).toString(),
        stderr: Buffer.concat(output.stderr).toString(),
      }),
    )
  })
}

/** Like `execute`, but resolves to the standard output and rejects when the status is not 0. */
export async function run(command, args, options) {
  const { status, stdout, stderr } = await execute(command, args, options)
  if (status === 0) return stdout
  const tail = (stderr.trim() || stdout.trim()).split('\n').slice(-8).join('\n')
  throw new Error(`\`${command} ${args.join(' ')}\` ended with ${status}:\n${tail}`)
}

/** Like `run`, for commands that would outlive an interrupted `up`. */
export function runLeashed(command, args, options) {
  return run('setpriv', ['--pdeathsig', 'TERM', command, ...args], options)
}

export const delay = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Calls `attempt` until it returns something true. `isHopeless` may throw to end the wait early. */
export async function waitFor(what, attempt, { timeoutMs = 30_000, isHopeless = () => {} } = {}) {
  const end = Date.now() + timeoutMs
  for (;;) {
    const result = await attempt()
    if (result) return result
    isHopeless()
    if (Date.now() > end) throw new Error(`${what}: not ready after ${timeoutMs / 1000} s`)
    await delay(50)
  }
}

/** Like `Promise.all`, but a failure waits for the others: nothing goes on behind the caller's back. */
export async function all(promises) {
  const results = await Promise.allSettled(promises)
  const failed = results.find(({ status }) => status === 'rejected')
  if (failed) throw failed.reason
  return results.map(({ value }) => value)
}
