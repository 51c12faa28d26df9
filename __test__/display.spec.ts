import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'

import { json, pulls, pullsForEver, startEngine } from './helpers/fake-engine.ts'
import { packageUrl, runNode } from './helpers/run-node.ts'
import { runAtTerminal, whyNoTerminal } from './helpers/terminal.ts'

const program = (endpoint: string, options = '') => `
  import { pullImage } from ${JSON.stringify(packageUrl)}
  await pullImage('acme/app:1', { engine: ${JSON.stringify(endpoint)}, ${options} }).catch(() => {})`

test('nothing is printed where there is no terminal', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const { stdout, stderr } = await runNode(program(engine.endpoint))
  assert.deepEqual({ stdout, stderr }, { stdout: '', stderr: '' })
})

for (const progress of ['auto', 'tty', 'plain']) {
  test(`progress ${progress} writes lines where there is no terminal`, async (t) => {
    const engine = await startEngine({ pull: pulls() })
    t.after(() => engine.close())
    const options = `progress: '${progress}'`
    const { stdout, stderr } = await runNode(program(engine.endpoint, options))
    assert.equal(stdout, '')
    assert.match(stderr, /a1b2c3d4e5f6/)
    assert.match(stderr, /Pull complete: docker\.io\/acme\/app:1\n$/)
    assert.ok(!stderr.includes('\u001b'))
  })
}

test('progress plain says why a pull failed', async (t) => {
  const engine = await startEngine({ pull: json(404, { message: 'manifest unknown' }) })
  t.after(() => engine.close())
  const { stderr } = await runNode(program(engine.endpoint, "progress: 'plain'"))
  assert.match(stderr, /error: .*acme\/app:1/)
})

test('progress json writes each event as a line, beside a listener', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const options = "progress: 'json', onProgress: (events) => seen.push(...events)"
  const { stdout, stderr } = await runNode(
    `const seen = []
    ${program(engine.endpoint, options)}
    console.log(JSON.stringify(seen))`,
  )
  const lines = stderr.trimEnd().split('\n')
  const written = lines.map((line) => JSON.parse(line) as { type: string })
  const heard = JSON.parse(stdout) as { type: string }[]
  assert.deepEqual(written.at(-1), heard.at(-1))
  assert.ok(written.length >= heard.length)
})

const atTerminal = { skip: whyNoTerminal ?? false }

test(
  'bars are drawn at a terminal, and the last line says what is there',
  atTerminal,
  async (t) => {
    const engine = await startEngine({ pull: pulls() })
    t.after(() => engine.close())
    const { code, screen } = await runAtTerminal(program(engine.endpoint))
    assert.equal(code, 0)
    assert.ok(screen.includes('\u001b['))
    assert.match(screen, /Pull complete.*docker\.io\/acme\/app:1/)
  },
)

test('nothing is drawn at a terminal where a listener is told', atTerminal, async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const { screen } = await runAtTerminal(program(engine.endpoint, 'onProgress() {}'))
  assert.equal(screen, '')
})

test('a terminal that moves no cursor gets lines', atTerminal, async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const source = `process.env.TERM = 'dumb'\n${program(engine.endpoint)}`
  const { screen } = await runAtTerminal(source)
  assert.ok(!screen.includes('\u001b'), JSON.stringify(screen))
  assert.match(screen, /Pull complete/)
})

const CTRL_C = '\u0003'
const pressOnce = (when: RegExp) => {
  let isPressed = false
  return (screen: string) => {
    if (isPressed || !when.test(screen)) return ''
    isPressed = true
    return CTRL_C
  }
}

test(
  'Ctrl-C clears the bars, cancels the pull and ends the program by SIGINT',
  atTerminal,
  async (t) => {
    const engine = await startEngine({ pull: pullsForEver() })
    t.after(() => engine.close())
    const source = `${program(engine.endpoint)}\nconsole.log('not reached')`
    const { code, screen } = await runAtTerminal(source, pressOnce(/a1b2c3d4e5f6/))
    assert.equal(code, 130)
    assert.match(await engine.abandoned(), /^POST \/images\/create/)
    assert.ok(!screen.includes('not reached'))
    const afterwards = screen.slice(screen.indexOf('^C') + 2)
    assert.ok(afterwards.includes('\u001b[2K'), 'rows are erased')
    assert.equal(stripVTControlCharacters(afterwards).trim(), '', 'nothing else is written')
  },
)

test('a program that listens for SIGINT decides what Ctrl-C does', atTerminal, async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const source = `
    const controller = new AbortController()
    process.once('SIGINT', () => controller.abort())
    ${program(engine.endpoint, 'signal: controller.signal')}
    console.log('cleaned up')`
  const { code, screen } = await runAtTerminal(source, pressOnce(/a1b2c3d4e5f6/))
  assert.equal(code, 0)
  assert.match(screen, /cleaned up/)
})

test('no listener for SIGINT is left behind', atTerminal, async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const source = `${program(engine.endpoint)}\nconsole.log('left ' + process.listenerCount('SIGINT'))`
  const { screen } = await runAtTerminal(source)
  assert.match(screen, /left 0/)
})
