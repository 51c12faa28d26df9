import { existsSync } from 'node:fs'
import { ENGINES, isEngineRunning } from './engines.mjs'
import { readJson } from './files.mjs'
import { labPaths } from './paths.mjs'
import { haltRegistry, launchRegistry, registryKey } from './registries.mjs'

export { docker } from './engine.mjs'
export { hostCertificates } from './host-certificates.mjs'

/**
 * Returns what the lab of a checkout consists of, or null when it is not up. `engines` holds the engines
 * that run now.
 */
export function readLab(root) {
  const paths = labPaths(root)
  const state = existsSync(paths.lab) ? readJson(paths.state) : null
  if (!state) return null
  const isUp = ({ name }) =>
    ENGINES.some((engine) => engine.name === name && isEngineRunning(paths, engine))
  const engines = state.engines.filter(isUp)
  return engines.length > 0 ? { ...state, engines } : null
}

/** Stops a registry (`docker-hub`, `ghcr`, `plain`, or its key in `readLab().registries`). */
export function stopRegistry(name, root) {
  return haltRegistry(labPaths(root), registryKey(name))
}

/** Starts a registry that was stopped, and resolves when its port answers. */
export function startRegistry(name, root) {
  return launchRegistry(labPaths(root), registryKey(name))
}
