import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

import { watchLoop } from './loop-delay.mjs'

// Linux counts a process's time in these (`getconf CLK_TCK`), on every machine that the lab supports.
const TICK_MS = 10
const LOOK_MS = 25

/**
 * Runs a command to its end. Resolves to its output and to what it took, with all processes that it started: wall time,
 * CPU time (user and system), and the sum of the processes' peaks of resident memory. `idleP99Ms` is how late the event
 * loop of this process was, which does next to nothing meanwhile: so much of any delay is the machine's. Rejects when the
 * command fails.
 */
export function measure(command, args, { env } = {}) {
  return new Promise((resolve, reject) => {
    const before = childrenMs()
    const start = performance.now()
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const peaks = new Map()
    const told = watchLoop()
    const looks = setInterval(() => look(child.pid, peaks), LOOK_MS)
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => (output[name] += text))
    }
    let wallMs
    child.on('error', reject)
    child.on('exit', () => (wallMs = performance.now() - start))
    child.on('close', (code) => {
      clearInterval(looks)
      const idleP99Ms = told().p99Ms
      if (code !== 0) {
        const tail = output.stderr.trim().split('\n').slice(-5).join('\n')
        return reject(new Error(`\`${command} ${args.join(' ')}\` ended with ${code}:\n${tail}`))
      }
      const peakBytes = [...peaks.values()].reduce((sum, bytes) => sum + bytes, 0)
      const cpuMs = childrenMs() - before
      return resolve({ stdout: output.stdout, wallMs, cpuMs, peakBytes, idleP99Ms })
    })
  })
}

/** CPU time of the processes that this one has started and that have ended, with theirs. */
function childrenMs() {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // `cutime` and `cstime` of proc(5).
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS
}

/** Notes the peak of a process and of those below it. A peak only grows: the last look at it is the best. */
function look(pid, peaks) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)
    if (peak) peaks.set(pid, Number(peak[1]) * 1024)
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
      for (const child of children.trim().split(' ').filter(Boolean)) look(Number(child), peaks)
    }
  } catch (error) {
    // It has ended meanwhile.
    if (!['ENOENT', 'ESRCH'].includes(error.code)) throw error
  }
}
