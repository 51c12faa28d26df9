import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { startEngine } from './helpers/fake-engine.ts'
import { runNode } from './helpers/run-node.ts'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => String(code))

test('every example of the README runs', async (t) => {
  assert.ok(examples.length > 0)
  for (const example of examples) {
    const engine = await startEngine()
    t.after(() => engine.close())
    // The package finds itself by its name.
    const { code, stdout, stderr } = await runNode(example, {
      env: { DOCKER_HOST: engine.endpoint },
    })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.match(stdout, /^sha256:[0-9a-f]{64} served by docker\.io\/acme\/app:1\.4$/m)
  }
})

test('the README names every code of an error', async () => {
  const types = await readFile(new URL('../index.d.ts', import.meta.url), 'utf8')
  const union = /type ErrorCode =([^]*?)\n\n/.exec(types)?.[1] ?? ''
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
  const told = [...readme.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code)
  assert.ok(codes.length > 30)
  assert.deepEqual(told.toSorted(), codes.toSorted())
})
