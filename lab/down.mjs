import { existsSync, readFileSync, rmSync } from 'node:fs'
import { ENGINES, haltEngine } from './engines.mjs'
import { withLock } from './lock.mjs'
import { REGISTRIES } from './network.mjs'
import { haltRegistry } from './registries.mjs'
import { all } from './run.mjs'
import { step } from './steps.mjs'

/** Stops all that `up` started; with `purge`, deletes all that it made in the checkout. */
export async function down(paths, { purge = false } = {}) {
  if (!existsSync(paths.lab)) return
  await withLock(paths, async () => {
    rmSync(paths.state, { force: true })
    await step('engines and registries stopped', () =>
      all([
        ...ENGINES.map((engine) => haltEngine(paths, engine)),
        ...Object.keys(REGISTRIES).map((key) => haltRegistry(paths, key)),
      ]),
    )
    rmSync(paths.run, { recursive: true, force: true })
  })
  if (purge) await step('files deleted', () => deleteFiles(paths.lab))
}

function deleteFiles(folder) {
  // Engines mount in namespaces of their own; a mount seen here is somebody else's, with files of theirs.
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder}/`)
  if (mounted) throw new Error(`cannot delete \`${folder}\`: something is mounted below it`)
  rmSync(folder, { recursive: true, force: true })
}
