import { mkdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { readJson, writeJson } from './files.mjs'
import { REGISTRIES } from './network.mjs'
import { isRunning, startProcess, stopProcess } from './processes.mjs'
import { waitFor } from './run.mjs'

export const registryLog = (paths, name) => join(paths.logs, `${name}.log`)

export function registryKey(name) {
  const found = Object.entries(REGISTRIES).find(
    ([key, registry]) => name === key || name === registry.name,
  )
  if (!found) {
    const names = Object.values(REGISTRIES).map((registry) => registry.name)
    throw new Error(`no registry \`${name}\`: there are ${names.join(', ')}`)
  }
  return found[0]
}

export function isRegistryRunning(paths, key) {
  return isRunning(paths, REGISTRIES[key].name)
}

/** Starts one registry and waits until its port answers. */
export async function launchRegistry(paths, key) {
  const { name } = REGISTRIES[key]
  const address = readJson(paths.network)[key]
  if (!isRunning(paths, name)) {
    const configuration = join(paths.registries, `${name}.yml`)
    // JSON is YAML.
    writeJson(configuration, settings(paths, key, address))
    const logFile = registryLog(paths, name)
    const env = { PATH: process.env.PATH, HOME: '/root' }
    startProcess(paths, name, 'docker-registry', ['serve', configuration], { env, logFile })
  }
  await waitFor(name, () => answers(address), {
    isHopeless() {
      if (!isRunning(paths, name))
        throw new Error(`registry \`${name}\` ended:\n${tail(paths, name)}`)
    },
  })
}

export function haltRegistry(paths, key) {
  return stopProcess(paths, REGISTRIES[key].name)
}

function settings(paths, key, { address, port }) {
  const { name, hostNames } = REGISTRIES[key]
  const rootdirectory = join(paths.registries, name)
  mkdirSync(rootdirectory, { recursive: true })
  const tls = {
    certificate: join(paths.certificates, `${name}.crt`),
    key: join(paths.certificates, `${name}.key`),
  }
  return {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory }, delete: { enabled: true } },
    http: {
      addr: `${address}:${port}`,
      // Uploads begun before a restart stay valid after it.
      secret: paths.id,
      ...(hostNames.length > 0 && { tls }),
    },
  }
}

function answers({ address, port }) {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

function tail(paths, name) {
  return readFileSync(registryLog(paths, name), 'utf8').trim().split('\n').slice(-5).join('\n')
}
