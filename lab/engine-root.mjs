import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce } from './files.mjs'
import { architecture } from './platform.mjs'
import { PODMAN_PACKAGES } from './podman.mjs'
import { runLeashed } from './run.mjs'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const DOCKER_PACKAGES = [
  'docker.io',
  'docker-cli',
  'docker-buildx',
  'git',
  'iptables',
  'ca-certificates',
  'tini',
]

// A suite in testing, or a mirror's snapshot, may be past its Valid-Until.
const APT_OPTIONS = [
  '--aptopt=Acquire::Check-Valid-Until "false"',
  '--aptopt=Acquire::Check-Date "false"',
]

export const mmdebstrap = (paths, logName, args) =>
  runLeashed(
    'mmdebstrap',
    ['--mode=root', '--variant=minbase', `--keyring=${KEYRING}`, ...APT_OPTIONS, ...args],
    { logFile: join(paths.logs, `${logName}.log`) },
  )

/** Whether the root folder of a Debian suite is there, with every package of its engine. */
export function isComplete(paths, suite, isPodman) {
  const list = (name) => join(paths.roots, suite, 'var/lib/dpkg/info', `${name}.list`)
  const hasCli = isPodman || existsSync(cliFolder(paths, suite))
  return hasCli && packages(isPodman).every((name) => existsSync(list(name)))
}

/** Makes a root folder with Podman, or with the engine, the CLI and buildx of Docker. No engine may run in it. */
export async function makeEngineRoot(paths, suite, isPodman) {
  const root = join(paths.roots, suite)
  if (!isComplete(paths, suite, isPodman)) {
    for (const old of [root, cliFolder(paths, suite)]) rmSync(old, { recursive: true, force: true })
  }
  await makeOnce(root, (folder) =>
    mmdebstrap(paths, suite, [`--include=${packages(isPodman).join(',')}`, suite, folder]),
  )
  if (!isPodman) await makeOnce(cliFolder(paths, suite), (folder) => makeCli(root, folder))
}

const packages = (isPodman) => (isPodman ? PODMAN_PACKAGES : DOCKER_PACKAGES)

const cliFolder = (paths, suite) => join(paths.roots, `${suite}-cli`)

/** Makes a DOCKER_CONFIG folder whose `docker` and buildx run with the libraries of `root`. */
function makeCli(root, folder) {
  mkdirSync(join(folder, 'cli-plugins'), { recursive: true })
  writeWrapper(join(folder, 'docker'), root, 'usr/bin/docker')
  const plugin = 'usr/libexec/docker/cli-plugins/docker-buildx'
  writeWrapper(join(folder, 'cli-plugins', 'docker-buildx'), root, plugin)
}

function writeWrapper(file, root, program) {
  const loader = join(root, architecture.loader)
  const libraries = join(root, 'usr/lib', architecture.gnu)
  const command = `"${loader}" --library-path "${libraries}" "${join(root, program)}"`
  writeFileSync(file, `#!/bin/sh\nexec ${command} "$@"\n`)
  chmodSync(file, 0o755)
}
