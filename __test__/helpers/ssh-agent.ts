import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

/** Starts OpenSSH's agent with one key, whose comment is given; it ends after the test. Returns its socket. */
export async function startAgent(t: TestContext, comment: string): Promise<string> {
  const root = await temporaryFolder(t)
  const socket = path.join(root, 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    agent.kill()
    await once(agent, 'exit')
  })
  // It says where it listens once it does.
  await once(agent.stdout, 'data')
  const key = path.join(root, 'key')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', key])
  await run('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
  return socket
}
