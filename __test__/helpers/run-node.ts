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

/** Runs an ES module as a program of its own. `onOutput` sees standard output as it comes. */
export async function runNode(
  source: string,
  onOutput: (text: string, pid: number) => void = () => {},
): Promise<Ended> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, RUST_BACKTRACE: '0' },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    onOutput(text, child.pid ?? 0)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, stdout, stderr }
}
