// Every check that is not a test: formats, lints, types, licences, generated files.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

import { run, step } from './run.mjs'
import { buildAddon, installPackages, root } from './setup.mjs'

process.chdir(root)
await installPackages()
await buildAddon()

const npx = (...args) => run('npx', ['--no-install', ...args])

await step('rustfmt', () => run('cargo', ['fmt', '--all', '--check']))
await step('clippy', () =>
  run('cargo', [
    'clippy',
    '--workspace',
    '--all-targets',
    '--all-features',
    '--locked',
    '--',
    '--deny',
    'warnings',
  ]),
)
await step('rustdoc', () =>
  run(
    'cargo',
    ['doc', '-p', 'shipway-core', '--all-features', '--no-deps', '--locked', '--quiet'],
    {
      env: { ...process.env, RUSTDOCFLAGS: '--deny warnings' },
    },
  ),
)
await step('oxlint', () => npx('oxlint', '--deny-warnings'))
await step('prettier', () => npx('prettier', '--check', '.'))
await step('types', () => run('npm', ['run', '--silent', 'test:types']))
await step('generated files are committed', () =>
  run('git', [
    'diff',
    '--exit-code',
    '--stat',
    '--',
    'native.js',
    'native.d.ts',
    'Cargo.lock',
    'package-lock.json',
  ]),
)
await step('npm audit', npmAudit)
await step('cargo deny', cargoDeny)

console.log('\nall checks passed')

/** Known vulnerabilities of what is locked, where the registry answers that question. */
async function npmAudit() {
  const { stdout, error } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8' })
  if (error) throw error
  const found = JSON.parse(stdout || '{}').metadata?.vulnerabilities
  if (!found) {
    console.error('not checked: the registry does not answer questions about vulnerabilities')
  } else if (found.total > 0) {
    throw new Error(`npm audit found ${found.total} vulnerabilities: run it to see them`)
  }
}

/** Licences, sources and bans of what is locked, and known vulnerabilities where their database can be reached. */
async function cargoDeny() {
  const tools = path.join(root, 'target', 'tools')
  const binary = path.join(
    tools,
    'bin',
    process.platform === 'win32' ? 'cargo-deny.exe' : 'cargo-deny',
  )
  if (!existsSync(binary)) {
    const version = ['--version', '0.20.2', '--locked']
    await run('cargo', ['install', 'cargo-deny', ...version, '--root', tools])
  }
  const check = ['--locked', 'check', '--hide-inclusion-graph']
  await run(binary, [...check, 'bans', 'licenses', 'sources'])
  try {
    await run(binary, ['fetch', 'db'])
  } catch {
    console.error('not checked: the database of known vulnerabilities cannot be reached')
    return
  }
  await run(binary, [...check, 'advisories'])
}
