import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Why no program can be run at a terminal here, or null. */
export const whyNoTerminal =
  process.platform === 'linux' && spawnSync('script', ['--version']).status === 0
    ? null
    : 'the command `script` of Linux is not there'

export interface Seen {
  /** Exit code; 128 and the number of the signal where one ended the program. */
  code: number | null
  /** What the terminal got: standard output and standard error. */
  screen: string
}

/** Runs an ES module as a program at a terminal of its own. `type` sees the screen so far and returns what is typed. */
export async function runAtTerminal(
  source: string,
  type: (screen: string) => string = () => '',
): Promise<Seen> {
  const program = `data:text/javascript,${encodeURIComponent(source)}`
  const command = `exec '${process.execPath}' --import '${program.replaceAll("'", '%27')}' --eval 0`
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color' },
  })
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text
    const typed = type(screen)
    if (typed) child.stdin.write(typed)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, screen }
}
