import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { readJson, writeIfChanged, writeJson } from './files.mjs'

export const REGISTRIES = {
  dockerHub: {
    name: 'docker-hub',
    lastByte: 2,
    port: 443,
    hostNames: ['registry-1.docker.io', 'index.docker.io', 'auth.docker.io'],
  },
  ghcr: { name: 'ghcr', lastByte: 3, port: 443, hostNames: ['ghcr.io'] },
  plain: { name: 'plain', lastByte: 4, port: 5000, hostNames: [] },
}

/**
 * Gives each registry a loopback address. Addresses come from the checkout's path, because the labs of
 * two checkouts may be up at once and each needs port 443.
 */
export async function chooseNetwork(paths, isRegistryRunning) {
  const recorded = readJson(paths.network)
  if (recorded && (isRegistryRunning || (await areFree(recorded)))) return recorded
  for (let attempt = 0; attempt < 20; attempt++) {
    const candidate = network(paths.root, attempt)
    if (!(await areFree(candidate))) continue
    writeJson(paths.network, candidate)
    return candidate
  }
  throw new Error(
    'port 443 is taken on every loopback address: stop the server that listens on all addresses',
  )
}

/** Writes the hosts file that engines see: the machine's own and the registries' real names. */
export function writeHosts(paths, addresses) {
  const lines = Object.entries(REGISTRIES)
    .filter(([, { hostNames }]) => hostNames.length > 0)
    .map(([key, { hostNames }]) => `${addresses[key].address} ${hostNames.join(' ')}\n`)
  writeIfChanged(paths.hosts, `${readFileSync('/etc/hosts', 'utf8').trimEnd()}\n${lines.join('')}`)
}

function network(root, attempt) {
  const hash = createHash('sha256').update(`${root}\0${attempt}`).digest()
  const prefix = `127.${16 + (hash[0] % 185)}.${hash[1]}`
  return Object.fromEntries(
    Object.entries(REGISTRIES).map(([key, { lastByte, port }]) => [
      key,
      { address: `${prefix}.${lastByte}`, port },
    ]),
  )
}

async function areFree(addresses) {
  const free = await Promise.all(Object.values(addresses).map(isFree))
  return free.every(Boolean)
}

function isFree({ address, port }) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
