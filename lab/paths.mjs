import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CHECKOUT = dirname(dirname(fileURLToPath(import.meta.url)))

// Linux refuses a socket path of 108 bytes or more; this is the longest one that an engine makes.
const SOCKET_PATH_LIMIT_BYTES = 107
const LONGEST_SOCKET = 'docker-28.5-containerd/exec/containerd/containerd-debug.sock'

/** Returns where everything of a checkout's lab lies. `root` is the checkout. */
export function labPaths(root = CHECKOUT) {
  root = realpathSync(root)
  const lab = join(root, '.lab')
  const id = createHash('sha256').update(root).digest('hex').slice(0, 12)
  const near = join(lab, 'run')
  const isShort =
    Buffer.byteLength(join(near, LONGEST_SOCKET)) <= SOCKET_PATH_LIMIT_BYTES && !/[\s:,]/.test(near)
  return {
    root,
    id,
    lab,
    run: isShort ? near : `/run/shipway-lab-${id}`,
    logs: join(lab, 'logs'),
    pids: join(lab, 'pids'),
    certificates: join(lab, 'certificates'),
    registries: join(lab, 'registries'),
    engines: join(lab, 'engines'),
    roots: join(lab, 'roots'),
    images: join(lab, 'images'),
    hosts: join(lab, 'hosts'),
    caBundle: join(lab, 'ca-bundle.crt'),
    hostCertificates: join(lab, 'host-certificates.crt'),
    network: join(lab, 'network.json'),
    lock: join(lab, 'lock'),
    state: join(lab, 'state.json'),
  }
}
