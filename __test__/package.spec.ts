import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import * as imported from '../index.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

test('import and require give the same functions and the same class', () => {
  const required = createRequire(import.meta.url)('../index.js') as Record<string, unknown>
  assert.deepEqual({ ...imported }, required)
  for (const [name, value] of Object.entries(imported)) assert.equal(required[name], value, name)
})

test('a packed package has its entries and no more', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: process.platform === 'win32',
  })
  const [packed] = Object.values(JSON.parse(output)) as { files: { path: string }[] }[]
  const paths = packed?.files.map(({ path }) => path)
  assert.deepEqual(
    paths?.filter((path) => !/^(README|LICENSE|package\.json)/.test(path)).toSorted(),
    [
      'face/build-options.js',
      'face/check.js',
      'face/error.js',
      'face/interrupt.js',
      'face/listener.js',
      'face/options.js',
      'face/places.js',
      'face/signal.js',
      'index.d.mts',
      'index.d.ts',
      'index.js',
      'index.mjs',
      'native.d.ts',
      'native.js',
    ],
  )
})

test('the package runs no script when it is installed', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const hooks = Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))
  assert.deepEqual(hooks, [])
})

test('the lock file names no host', () => {
  assert.ok(!read('package-lock.json').includes('"resolved"'))
})
