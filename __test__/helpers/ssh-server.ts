import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { TestContext } from 'node:test'

import { setVariables } from './docker-config.ts'
import type { Engine } from './engines.ts'
import { temporaryFolder } from './folder.ts'

const SERVER = '/usr/sbin/sshd'

/** Why there can be no SSH server, or false. */
export const whyNoSsh =
  existsSync(SERVER) && process.getuid?.() === 0 ? false : `${SERVER} is not there, or not for root`

/** An SSH server on loopback, whose `docker` command speaks to `engine`. */
export interface SshServer {
  port: number
  /** How often `ssh` was run. */
  runs(): number
  /** Processes that the server has for connections. */
  connections(): number
}

/**
 * Starts an SSH server, and has the `ssh` on the PATH of this process know it: its key, and one that it accepts. With
 * `isStranger`, it does not accept it.
 */
export async function startSshServer(
  t: TestContext,
  engine: Engine,
  { isStranger = false } = {},
): Promise<SshServer> {
  const root = await temporaryFolder(t)
  const file = (name: string) => path.join(root, name)
  for (const name of ['host', 'user', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)])
  }
  const port = await freePort()
  writeFileSync(
    file('sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('user.pub')}`,
      `PidFile none`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      `SetEnv DOCKER_HOST=${engine.endpoint} PATH=${process.env['PATH']}`,
    ].join('\n'),
  )
  writeFileSync(
    file('known_hosts'),
    `[127.0.0.1]:${port} ${readFileSync(file('host.pub'), 'utf8')}`,
  )
  writeFileSync(
    file('ssh_config'),
    [
      `IdentityFile ${file(isStranger ? 'stranger' : 'user')}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `UserKnownHostsFile ${file('known_hosts')}`,
      'StrictHostKeyChecking yes',
      // A name that only these settings know.
      'Host lab',
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      '  User root',
    ].join('\n'),
  )
  mkdirSync(file('bin'))
  writeFileSync(
    file('bin/ssh'),
    `#!/bin/sh\necho >> '${file('runs')}'\nexec /usr/bin/ssh -F '${file('ssh_config')}' "$@"\n`,
  )
  chmodSync(file('bin/ssh'), 0o755)
  setVariables(t, { PATH: `${file('bin')}:${process.env['PATH']}` })
  // Where it separates privileges; the packages' service makes it.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const server = spawn(SERVER, ['-D', '-e', '-f', file('sshd_config')], { stdio: 'ignore' })
  t.after(() => server.kill())
  await answering(port)
  return {
    port,
    runs: () => readFileSync(file('runs')).length,
    connections: () => children(Number(server.pid)),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Resolves once something listens there: each refusal comes at once, and is followed by another try. */
async function answering(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (connected) return
  }
}

function children(pid: number): number {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return list === '' ? 0 : list.split(' ').length
}
