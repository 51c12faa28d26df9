import { linkSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeOnce } from './files.mjs'
import { execute, runLeashed } from './run.mjs'

const MODULE = join(dirname(fileURLToPath(import.meta.url)), 'dockerd')
const COMMAND = 'github.com/moby/moby/v2/cmd/dockerd'

// As its own build makes the static one (hack/make.sh); without C, which a plain machine may not compile.
const TAGS = 'netgo,osusergo,static_build,nri_no_wasm'
const SETTINGS = {
  CGO_ENABLED: '0',
  GOTOOLCHAIN: 'local',
  GOFLAGS: '-mod=readonly -buildvcs=false',
  GOWORK: 'off',
}

const required = read(/^go (\S+)$/m)
const version = read(/^\s*(?:require )?github\.com\/moby\/moby\/v2 v(\S+)/m)

/** Where the binary is kept; another version has another place. */
export const dockerdFile = (paths) => join(paths.lab, 'dockerd', version)

/** Returns why the newest engine cannot be built here, or null when it can. */
export async function whyNoDockerd() {
  const { stdout } = await execute('go', ['env', 'GOVERSION'], options()).catch(() => ({}))
  const here = stdout?.trim().replace(/^go/, '')
  if (!here) return `Go ${required} or newer is not on PATH`
  if (!isAtLeast(here, required)) return `it needs Go ${required} or newer, not ${here}`
  // Also fetches what is not there yet, and nothing else of the modules.
  const { status, stderr } = await execute(
    'go',
    ['list', '-deps', `-tags=${TAGS}`, COMMAND],
    options(),
  )
  return status === 0 ? null : `its modules cannot be fetched: ${stderr.trim().split('\n').at(-1)}`
}

/** Builds the newest engine, once for each version. */
export function makeDockerd(paths) {
  const stamp = `-X github.com/moby/moby/v2/dockerversion.Version=${version}`
  return makeOnce(dockerdFile(paths), (file) =>
    runLeashed(
      'go',
      ['build', '-trimpath', `-tags=${TAGS}`, `-ldflags=-s -w ${stamp}`, '-o', file, COMMAND],
      { ...options(), logFile: join(paths.logs, 'dockerd.log') },
    ),
  )
}

/** Puts the newest engine into a root folder, beside that of its suite; returns the name of its command. */
export function installDockerd(paths, root) {
  const name = 'dockerd-newest'
  const target = join(root, 'usr/local/bin', name)
  const file = dockerdFile(paths)
  // Another engine may be starting from it.
  if (statSync(target, { throwIfNoEntry: false })?.ino === statSync(file).ino) return name
  mkdirSync(dirname(target), { recursive: true })
  rmSync(target, { force: true })
  linkSync(file, target)
  return name
}

function options() {
  return { cwd: MODULE, env: { ...process.env, ...SETTINGS } }
}

function read(pattern) {
  return pattern.exec(readFileSync(join(MODULE, 'go.mod'), 'utf8'))[1]
}

function isAtLeast(version, wanted) {
  const [have, want] = [version, wanted].map((text) =>
    text.split('.').map((part) => parseInt(part)),
  )
  const index = want.findIndex((part, place) => part !== (have[place] ?? 0))
  return index === -1 || (have[index] ?? 0) > want[index]
}
