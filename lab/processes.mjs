import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readJson, writeJson } from './files.mjs'
import { waitFor } from './run.mjs'

/** Starts a command in the background, in its own process group, and keeps its pid in `pids/NAME.json`. */
export function startProcess(paths, name, command, args, { env, logFile }) {
  mkdirSync(dirname(logFile), { recursive: true })
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.on('error', () => {})
  if (child.pid === undefined) throw new Error(`cannot start \`${command}\``)
  child.unref()
  writeJson(pidFile(paths, name), { pid: child.pid, startTime: startTime(child.pid) })
}

export function isRunning(paths, name) {
  const recorded = readJson(pidFile(paths, name))
  return Boolean(recorded) && isSame(recorded)
}

/** Stops a process group with SIGTERM, or SIGKILL when that has no effect in time. */
export async function stopProcess(paths, name, { timeoutMs = 20_000 } = {}) {
  const recorded = readJson(pidFile(paths, name))
  if (recorded && isSame(recorded)) {
    const isGone = () => !isSame(recorded)
    signalGroup(recorded.pid, 'SIGTERM')
    await waitFor(name, isGone, { timeoutMs }).catch(async () => {
      signalGroup(recorded.pid, 'SIGKILL')
      await waitFor(name, isGone)
    })
  }
  rmSync(pidFile(paths, name), { force: true })
}

export function isSame({ pid, startTime: expected }) {
  return expected !== null && startTime(pid) === expected
}

/** The kernel's start time of a process in clock ticks: with it, a reused pid is not taken for ours. */
export function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name may hold blanks and brackets; fields are counted from its closing bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : fields[19]
  } catch {
    return null
  }
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

const pidFile = (paths, name) => join(paths.pids, `${name}.json`)
