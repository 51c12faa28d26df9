import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { readJson } from './files.mjs'
import { isSame, startTime } from './processes.mjs'
import { delay } from './run.mjs'

/** Runs `work` while no other process changes this checkout's lab. */
export async function withLock(paths, work) {
  mkdirSync(dirname(paths.lock), { recursive: true })
  let isTold = false
  while (!take(paths.lock)) {
    const holder = readJson(paths.lock)
    if (!holder) continue
    if (!isSame(holder)) {
      rmSync(paths.lock, { force: true })
      continue
    }
    if (!isTold) console.log(`waiting for process ${holder.pid}, which is changing the lab`)
    isTold = true
    await delay(200)
  }
  try {
    return await work()
  } finally {
    rmSync(paths.lock, { force: true })
  }
}

function take(file) {
  // A link appears with its content, so that nobody reads a lock without a holder.
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startTime: startTime(process.pid) }))
  try {
    linkSync(mine, file)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(mine)
  }
}
