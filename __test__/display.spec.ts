import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'

import {
  builds,
  hang,
  json,
  pulls,
  pullsForEver,
  startEngine,
  stream,
} from './helpers/fake-engine.ts'
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

test('progress plain says that a build was given up', async (t) => {
  const engine = await startEngine({ build: stream([{ stream: 'Step 1/1 : FROM scratch' }], hang) })
  t.after(() => engine.close())
  const { stderr } = await runNode(`
    import { buildImage } from ${JSON.stringify(packageUrl)}
    await buildImage({
      engine: ${JSON.stringify(engine.endpoint)},
      dockerfileInline: 'FROM scratch',
      progress: 'plain',
      signal: AbortSignal.timeout(500),
    }).catch(() => {})`)
  assert.match(stderr, /\n\[1\/1\] canceled after \S+\ncanceled\n$/)
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
  type Told = { type: string; id?: string; state?: string }
  const written = lines.map((line) => JSON.parse(line) as Told)
  const heard = JSON.parse(stdout) as Told[]
  assert.deepEqual(written.at(-1), heard.at(-1))
  // Which byte counts are conflated depends on who is slower; changes of state are told to both.
  const facts = (told: Told[]) =>
    [...new Set(told.map(({ type, id, state }) => `${type} ${id} ${state}`))].toSorted()
  assert.deepEqual(facts(written), facts(heard))
})

/** Far more than a pipe takes in that nobody reads. */
const LOG = Array.from({ length: 20_000 }, (_, index) => `${index} ${'x'.repeat(200)}`)

const silentBuilds = (endpoint: string) => `
  import { buildImage, imageExists } from ${JSON.stringify(packageUrl)}
  const options = { engine: ${JSON.stringify(endpoint)}, dockerfileInline: 'FROM scratch' }
  const told = { ...options, progress: 'plain' }
  setTimeout(() => process.exit(9), 30_000).unref()`

test('calls end in time although nobody reads what they show', async (t) => {
  const begun = [{ stream: 'Step 1/1 : FROM scratch' }, { stream: '\n' }]
  const log = LOG.map((line) => ({ stream: `${line}\n` }))
  const engine = await startEngine({ build: stream([...begun, ...log], hang) })
  t.after(() => engine.close())
  const { code, stdout } = await runNode(
    `${silentBuilds(engine.endpoint)}
    const end = (call) =>
      call.then(() => 'done', (error) => (error instanceof DOMException ? error.name : error.code))
    const start = performance.now()
    const ends = await Promise.all([
      end(buildImage({ ...told, signal: AbortSignal.timeout(1000) })),
      end(buildImage({ ...told, progress: 'json', signal: AbortSignal.timeout(1000) })),
      end(buildImage({ ...told, timeouts: { totalMs: 1000 } })),
    ])
    const tookMs = performance.now() - start
    const exists = await imageExists('acme/app:1', { engine: options.engine })
    console.log(ends.join(), exists, tookMs < 3000 || tookMs)`,
    { reads: () => new Promise(() => {}) },
  )
  const ends = 'TimeoutError,TimeoutError,DEADLINE'
  assert.deepEqual({ code, stdout }, { code: 0, stdout: `${ends} false true\n` })
})

test('a build that ends well waits 5 s at most for whoever reads what it shows', async (t) => {
  const engine = await startEngine({ build: builds(LOG) })
  t.after(() => engine.close())
  const { code, stdout } = await runNode(
    `${silentBuilds(engine.endpoint)}
    const start = performance.now()
    const { builder } = await buildImage(told)
    const tookMs = performance.now() - start
    console.log(builder, tookMs < 8000 || tookMs)`,
    { reads: () => new Promise(() => {}) },
  )
  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'classic true\n' })
})

for (const kind of ['as Node leaves it', 'that does not block']) {
  test(`lines for which a pipe ${kind} was too slow are counted before the last one`, async (t) => {
    const engine = await startEngine({ build: builds(LOG) })
    t.after(() => engine.close())
    const { code, stderr } = await runNode(
      `${silentBuilds(engine.endpoint)}
      ${kind === 'that does not block' ? 'process.stderr' : ''}
      await buildImage(told)`,
      // The look-up that follows a build shows that the library has heard the whole build.
      { reads: () => engine.asked(/json$/) },
    )
    assert.equal(code, 0)
    const lines = stderr.trimEnd().split('\n')
    assert.match(lines.at(-1) ?? '', /^Build complete: sha256:/)
    const loss = /^warning: (\d+) lines of log were dropped: the display is slower/.exec(
      lines.at(-2) ?? '',
    )
    const logged = lines.filter((line) => /^\[2\/2\] {5}\d+ x/.test(line))
    assert.equal(Number(loss?.[1]) + logged.length, LOG.length)
    assert.equal(logged.at(-1), `[2/2]     ${LOG.at(-1)}`)
  })
}

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
const CTRL_S = '\u0013'
const pressOnce = (when: RegExp, key = CTRL_C) => {
  let isPressed = false
  return (screen: string) => {
    if (isPressed || !when.test(screen)) return ''
    isPressed = true
    return key
  }
}

test(
  'Ctrl-C clears the bars, says so, cancels the pull and ends the program by SIGINT',
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
    assert.equal(stripVTControlCharacters(afterwards).trim(), 'canceled', 'and one line stays')
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

test('a call ends in time although Ctrl-S has stopped its terminal', atTerminal, async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  // The program writes nothing itself: that would wait as well.
  const source = `
    setTimeout(() => process.exit(9), 30_000).unref()
    ${program(engine.endpoint, 'signal: AbortSignal.timeout(1000)')}
    process.exit(7)`
  const { code, screen } = await runAtTerminal(source, pressOnce(/a1b2c3d4e5f6/, CTRL_S))
  assert.equal(code, 7)
  assert.doesNotMatch(screen, /canceled/)
})

test('no listener for SIGINT is left behind', atTerminal, async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const source = `${program(engine.endpoint)}\nconsole.log('left ' + process.listenerCount('SIGINT'))`
  const { screen } = await runAtTerminal(source)
  assert.match(screen, /left 0/)
})
