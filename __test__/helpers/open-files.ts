import { readFile, readdir, readlink } from 'node:fs/promises'

/** How many sockets this process has open. */
export async function openSockets(): Promise<number> {
  const names = await readdir('/proc/self/fd')
  const targets = await Promise.all(
    names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')),
  )
  return targets.filter((target) => target.startsWith('socket:')).length
}

/** The threads of this process that the addon has started for a call. */
export async function workingThreads(): Promise<string[]> {
  const ids = await readdir('/proc/self/task')
  const names = await Promise.all(
    ids.map((id) => readFile(`/proc/self/task/${id}/comm`, 'utf8').catch(() => '')),
  )
  return names.map((name) => name.trim()).filter((name) => name.startsWith('shipway-'))
}

/** Whether a process of this machine has `text` in its command line. */
export async function isRunning(text: string): Promise<boolean> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  )
  return commands.some((command) => command.includes(text))
}
