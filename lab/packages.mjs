import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { execute, runLeashed } from './run.mjs'

const PACKAGES = [
  'ca-certificates',
  'debian-archive-keyring',
  'docker-registry',
  'docker.io',
  'git',
  'iptables',
  'mmdebstrap',
  'openssh-client',
  'openssh-server',
  'openssl',
  'tini',
]

const POLICY = '/usr/sbin/policy-rc.d'
const POLICY_TEXT =
  '#!/bin/sh\n# of the shipway lab: no service starts while its packages are installed\nexit 101\n'

/** Returns the packages that the lab needs and the machine has not. */
export async function missingPackages() {
  const query = ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...PACKAGES]
  const { stdout } = await execute('dpkg-query', query)
  const installed = new Set(
    stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? line.split(' ')[0] : [])),
  )
  return PACKAGES.filter((name) => !installed.has(name))
}

export async function installPackages(names, logFile) {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, logFile }
  const isOurs = existsSync(POLICY) && readFileSync(POLICY, 'utf8') === POLICY_TEXT
  const isAlien = existsSync(POLICY) && !isOurs
  if (!isAlien) writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 })
  try {
    await runLeashed('apt-get', ['update'], options)
    // --no-remove: docker.io would otherwise replace an engine that somebody installed from elsewhere.
    const install = ['install', '--yes', '--no-remove', '--no-install-recommends', ...names]
    await runLeashed('apt-get', install, options)
  } finally {
    if (!isAlien) rmSync(POLICY, { force: true })
  }
}
