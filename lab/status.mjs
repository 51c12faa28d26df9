import { readLab } from './state.mjs'
import { isRegistryRunning } from './registries.mjs'

/** Prints what is up; the exit code is 1 when the lab is down. */
export function status(paths) {
  const lab = readLab(paths.root)
  if (!lab) {
    console.log('the lab is down')
    process.exitCode = 1
    return
  }
  const rows = [
    ...lab.engines.map(({ name, version, apiVersion, store, endpoint }) => [
      name,
      store === 'podman'
        ? `Podman ${version}, API ${apiVersion}`
        : `Docker ${version}, API ${apiVersion}, ${store}`,
      endpoint,
    ]),
    ...Object.entries(lab.registries).map(([key, { name, address, port }]) => [
      name,
      isRegistryRunning(paths, key) ? 'registry' : 'registry, stopped',
      `${address}:${port}`,
    ]),
    ...Object.entries(lab.images).map(([name, { registries, digest }]) => [
      name,
      registries.map((key) => lab.registries[key].name).join(', '),
      digest,
    ]),
    ['Node in node:22-bookworm-slim', lab.nodeImageVersion, ''],
  ]
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}
