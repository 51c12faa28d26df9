import assert from 'node:assert/strict'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { engines, testWithEngine } from './helpers/engines.ts'
import { json, pulls, startEngine } from './helpers/fake-engine.ts'
import { temporaryFolder } from './helpers/folder.ts'
import { runNode } from './helpers/run-node.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = await readFile(path.join(root, 'README.md'), 'utf8')
const [pull, build, ensure, diagnosis, ...others] = [
  ...readme.matchAll(/^```js\n(.*?)^```$/gms),
].map(([, code]) => String(code))
// Docker 20.10 has no checks.
const engine = engines.find(({ apiVersion }) => apiVersion !== '1.41') ?? engines[0]

// What a user would have: the step needs the secret, and the lint has something to say.
const APP = {
  Dockerfile: `FROM docker.io/library/debian:bookworm-slim as app
RUN --network=none --mount=type=secret,id=npm,required=true test "$(cat /run/secrets/npm)" = hunter2
COPY main.js /
`,
  '.dockerignore': 'node_modules\n',
  'main.js': '',
}

test('each example of the README has a test', () => {
  assert.match(String(pull), /pullImage/)
  assert.match(String(build), /buildImage/)
  assert.match(String(ensure), /ensureImage/)
  assert.match(String(diagnosis), /diagnose/)
  assert.deepEqual(others, [])
})

test('the example that pulls runs', async (t) => {
  const fake = await startEngine()
  t.after(() => fake.close())
  // The package finds itself by its name.
  const { code, stdout, stderr } = await runNode(String(pull), {
    env: { DOCKER_HOST: fake.endpoint },
  })
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  assert.match(stdout, /^sha256:[0-9a-f]{64} served by docker\.io\/acme\/app:1\.4$/m)
})

test('the example that makes an image ready runs, and builds where no source has it', async (t) => {
  const missing = json(404, { message: 'manifest unknown' })
  const fake = await startEngine({ pull: [missing, missing, pulls()] })
  t.after(() => fake.close())
  const cwd = await temporaryFolder(t, { Dockerfile: 'FROM scratch\n' })
  await mkdir(path.join(cwd, 'node_modules'))
  await symlink(root, path.join(cwd, 'node_modules/shipway'))
  for (const origin of ['built', 'present']) {
    const { code, stdout, stderr } = await runNode(String(ensure), {
      cwd,
      env: { DOCKER_HOST: fake.endpoint },
    })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.equal(stdout, `docker.io/acme/app:1.4 was ${origin}\n`)
  }
})

testWithEngine('the example that checks and builds runs', async (t) => {
  const cwd = await temporaryFolder(t, APP)
  await mkdir(path.join(cwd, 'node_modules'))
  await symlink(root, path.join(cwd, 'node_modules/shipway'))
  const { code, stdout, stderr } = await runNode(String(build), {
    cwd,
    env: { DOCKER_HOST: String(engine?.endpoint), NPM_TOKEN: 'hunter2' },
  })
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const [finding, result] = stdout.split('\n')
  assert.match(String(finding), /^1: FromAsCasing: .* keywords' casing do not match$/)
  assert.match(
    String(result),
    /^sha256:[0-9a-f]{64} built by buildkit { total: 3, cached: [0-3] }$/,
  )
})

test('the example that diagnoses runs, with an engine and without one', async (t) => {
  const fake = await startEngine()
  t.after(() => fake.close())
  const run = (DOCKER_HOST: string) => runNode(String(diagnosis), { env: { DOCKER_HOST } })
  const found = await run(fake.endpoint)
  assert.deepEqual({ code: found.code, stderr: found.stderr }, { code: 0, stderr: '' })
  assert.match(found.stdout, /^shipway .*\n[^]*\n✓ Docker Engine\n/)
  const none = await run('unix:///there/is/none')
  assert.equal(none.code, 0)
  assert.match(none.stdout, /\n✗ no engine\n/)
  assert.match(none.stderr, /^ENGINE_UNREACHABLE check that the engine is running/)
})

/** What a table or a section says of one code: what it is, whether the same source is asked again, whether the next one is. */
interface Rule {
  code: string
  again: string
  next: string
}

const rule = ([, code, again, next]: RegExpMatchArray): Rule => ({
  code: String(code),
  again: String(again),
  next: String(next),
})

/** The rows of the README's table; a unit test of the core compares them with the rules that it follows. */
const ROW =
  /^\| \[`([A-Z_]+)`\]\(docs\/errors\.md#[a-z_]+\) +\|[^|]+\| ([^|]+?) +\| ([a-z]+) +\|$/gm
const rows = [...readme.matchAll(ROW)]

test('the README names every code of an error', async () => {
  const types = await readFile(path.join(root, 'index.d.ts'), 'utf8')
  const union = /type ErrorCode =([^]*?)\n\n/.exec(types)?.[1] ?? ''
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => String(code))
  assert.ok(codes.length > 30)
  assert.deepEqual(rows.map((row) => rule(row).code).toSorted(), codes.toSorted())
})

test('each code of the README leads to its section, which says the same of the sources', async () => {
  const text = await readFile(path.join(root, 'docs/errors.md'), 'utf8')
  const [, ...sections] = text.split(/^## /m)
  const SECTION =
    /^([A-Z_]+)\n\n(?:[^]+\n)?Same source again: ([^.]+)\. Next source: ([a-z]+)\.\n+$/
  const told = sections.map((section) => SECTION.exec(section) ?? assert.fail(section))
  assert.deepEqual(told.map(rule), rows.map(rule))
  for (const [row, code] of rows) assert.ok(row.includes(`#${String(code).toLowerCase()})`), row)
})

test('each section has a message and what to try', async () => {
  const text = await readFile(path.join(root, 'docs/errors.md'), 'utf8')
  const [, ...sections] = text.split(/^## /m)
  for (const section of sections) {
    // No fault of the library itself is known, and what an option takes is in the message.
    const isBare = /^(INTERNAL|INVALID_OPTION)\n/.test(section)
    if (!isBare) assert.match(section, /\n```text\n[^\n]+\n→ [^\n]+\n```\n/)
  }
})
