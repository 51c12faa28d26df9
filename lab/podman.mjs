import { join } from 'node:path'
import { writeIfChanged } from './files.mjs'

/** Where Podman keeps its socket below a folder for what runs: `$XDG_RUNTIME_DIR/podman/podman.sock`. */
export const PODMAN_SOCKET = 'podman/podman.sock'

/** Podman's packages; runc, because crun refuses machines that have both versions of cgroups. */
export const PODMAN_PACKAGES = ['podman', 'runc', 'netavark', 'git', 'ca-certificates', 'tini']

// Steps of builds and containers use the machine's network or none, and never more than a machine may allow at most; Podman 4.3
// takes what is soft for hard, and the reverse.
const CONTAINERS = `[containers]
netns = "none"
default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]

[engine]
events_logger = "file"
`

/** Writes Podman's settings into its root folder. `plainAddress` is that of the registry without TLS. */
export function installSettings(root, plainAddress) {
  // As Docker does, Podman takes registries on loopback without a certificate that it knows.
  const insecure = ['127.0.0.1', plainAddress].map(
    (location) => `\n[[registry]]\nlocation = "${location}"\ninsecure = true\n`,
  )
  const file = (name) => join(root, 'etc/containers', name)
  writeIfChanged(file('containers.conf'), CONTAINERS)
  writeIfChanged(
    file('registries.conf'),
    `unqualified-search-registries = ["docker.io"]\n${insecure.join('')}`,
  )
}

/** The command of Podman's service, which sees its own folders as `data` and `run`. */
export function podmanCommand({ data, run }) {
  return [
    // With `debug`, what its child processes log comes out as if steps of builds had printed it.
    ['podman', '--log-level', 'info', '--root', data, '--runroot', `${run}/storage`],
    ['--storage-driver', 'overlay', '--runtime', 'runc', '--cgroup-manager', 'cgroupfs'],
    ['system', 'service', '--time', '0', `unix://${run}/${PODMAN_SOCKET}`],
  ].flat()
}
