import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Where a program of `runNode` imports the package from. */
export const packageUrl = new URL('../../index.mjs', import.meta.url).href

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: NodeJS.ProcessEnv
  /** The working directory, which is also where packages are looked for. */
  cwd?: string
  /** Standard input ends when this has resolved. */
  input?: () => Promise<void>
  /** Nothing of standard error is read before this has resolved or the program has ended. */
  reads?: () => Promise<void>
}

/** Runs an ES module as a program of its own. */
export async function runNode(source: string, options: RunOptions = {}): Promise<Ended> {
  const { env = {}, cwd, input = async () => {}, reads } = options
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    cwd,
  })
  const texts = { stdout: '', stderr: '' }
  const read = (name: 'stdout' | 'stderr') =>
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  read('stdout')
  if (reads) await Promise.race([reads(), once(child, 'exit')])
  read('stderr')
  await Promise.race([input(), ended])
  child.stdin.end()
  const [code, signal] = await ended
  return { code, signal, ...texts }
}
