// What both `npm test` and `npm run demo` need: npm packages, the addon, an engine.
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { run, step } from './run.mjs'

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Installs the npm packages when the lock file is newer than what is installed. */
export async function installPackages() {
  const installed = path.join(root, 'node_modules', '.package-lock.json')
  if (modified(installed) >= modified(path.join(root, 'package-lock.json'))) return
  await step('install the npm packages', () =>
    run('npm', ['ci', '--no-audit', '--no-fund'], { quiet: true }),
  )
}

/** Builds the addon when a source is newer than it. */
export async function buildAddon() {
  const own = `shipway.${process.platform}-${process.arch}`
  const built = readdirSync(root).filter((name) => name.startsWith(own) && name.endsWith('.node'))
  const oldest = Math.min(...built.map((name) => modified(path.join(root, name))))
  if (built.length > 0 && oldest >= newestSource()) return
  await step('build the addon (release: some minutes the first time)', () =>
    run('npm', ['run', '--silent', 'build']),
  )
}

function newestSource() {
  const sources = [
    'Cargo.toml',
    'Cargo.lock',
    'build.rs',
    'package.json',
    'src',
    'crates/core/Cargo.toml',
    'crates/core/src',
  ]
  return Math.max(...sources.map((name) => newest(path.join(root, name))))
}

function newest(file) {
  const stats = statSync(file)
  if (!stats.isDirectory()) return stats.mtimeMs
  return Math.max(0, ...readdirSync(file).map((name) => newest(path.join(file, name))))
}

function modified(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}
