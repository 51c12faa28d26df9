import assert from 'node:assert/strict'
import { test } from 'node:test'

import { packageUrl, runNode } from './helpers/run-node.ts'
import { hang, pulls, pullsForEver, startEngine, stream } from './helpers/fake-engine.ts'

const imports = `import { ensureImage, pullImage, buildImage, imageExists } from ${JSON.stringify(packageUrl)}`

test('a program ends right after its last promise, and not before', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const options = JSON.stringify({ engine: engine.endpoint })
  const { code, stdout, stderr } = await runNode(`${imports}
    const onProgress = () => {}
    process.on('exit', () => {
      const lateMs = performance.now() - settledAt
      console.log(lateMs < 100 ? 'at once' : lateMs)
    })
    let settledAt
    await pullImage('acme/app:1', { ...${options}, onProgress })
    await imageExists('acme/app:1', ${options})
    settledAt = performance.now()`)
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'at once\n', stderr: '' })
})

test('calls that share their work let the program end, and go with it', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const options = `{ engine: ${JSON.stringify(engine.endpoint)}, onProgress }`
  const { code, stdout, stderr } = await runNode(`${imports}
    const controllers = [new AbortController(), new AbortController()]
    const onProgress = (events) => {
      if (events.some(({ type }) => type === 'layer')) controllers.forEach((each) => each.abort('enough'))
    }
    const calls = controllers.map(({ signal }) => ensureImage('acme/app:1', { ...${options}, signal }))
    console.log((await Promise.allSettled(calls)).map(({ reason }) => reason).join())`)
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'enough,enough\n', stderr: '' })
  assert.match(await engine.abandoned(), /^POST \/images\/create/)
  assert.equal(engine.requests.filter((line) => line.startsWith('POST')).length, 1)
})

test('a program that only waits for the call does not end before it', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  t.after(() => engine.close())
  const options = JSON.stringify({ engine: engine.endpoint })
  const { code, stdout } = await runNode(`${imports}
    pullImage('acme/app:1', ${options}).then((image) => console.log(image.reference))`)
  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'docker.io/acme/app:1\n' })
})

test('a failed call that nobody handles ends the program like any other', async () => {
  const { code, stderr } = await runNode(`${imports}
    pullImage('acme/app:1', { engine: 'tcp://127.0.0.1:1' })`)
  assert.equal(code, 1)
  assert.match(stderr, /ENGINE_UNREACHABLE/)
})

test('a listener that fails ends no program', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const { code, stdout, stderr } = await runNode(`${imports}
    const onProgress = () => { throw new Error('no') }
    await pullImage('acme/app:1', { engine: ${JSON.stringify(engine.endpoint)}, onProgress })
      .catch((error) => console.log(error.code))`)
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'LISTENER_FAILED\n', stderr: '' })
})

test('process.exit in the middle of a pull ends the program and the pull', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  const { code } = await runNode(`${imports}
    const onProgress = (events) => { if (events.some(({ type }) => type === 'layer')) process.exit(3) }
    await pullImage('acme/app:1', { engine: ${JSON.stringify(engine.endpoint)}, onProgress })`)
  assert.equal(code, 3)
  assert.match(await engine.abandoned(), /^POST \/images\/create/)
})

test('the end of a worker ends its pulls and no others', async (t) => {
  const engine = await startEngine({ pull: pullsForEver() })
  const other = await startEngine({ pull: pullsForEver() })
  t.after(() => engine.close())
  t.after(() => other.close())
  const worker = `
    import { parentPort, workerData as engine } from 'node:worker_threads'
    ${imports}
    function onProgress(events) {
      if (events.some(({ type }) => type === 'layer')) parentPort.postMessage('pulling')
    }
    await pullImage('acme/app:1', { engine, onProgress })`
  const running = runNode(
    `${imports}
    import { Worker } from 'node:worker_threads'
    const controller = new AbortController()
    const mine = pullImage('acme/app:1', { engine: ${JSON.stringify(other.endpoint)}, signal: controller.signal })
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: ${JSON.stringify(engine.endpoint)} })
    worker.once('message', () => worker.terminate())
    process.stdin.resume().once('end', () => controller.abort('mine'))
    await mine.catch((reason) => console.log(reason))`,
    { input: async () => void (await engine.abandoned()) },
  )
  const { code, stdout, stderr } = await running
  const expected = { code: 0, stdout: 'mine\n', stderr: '' }
  assert.deepEqual({ code, stdout, stderr }, expected)
})

test('many calls at once settle, each with its own outcome', async (t) => {
  const engine = await startEngine({ pull: pulls() })
  const silent = await startEngine({ build: stream([{ stream: 'Step 1/1 : FROM scratch' }], hang) })
  t.after(() => engine.close())
  t.after(() => silent.close())
  const { code, stdout, stderr } = await runNode(`${imports}
    const controller = new AbortController()
    const pulls = Array.from({ length: 50 }, (_, index) =>
      pullImage('acme/app:' + index, { engine: ${JSON.stringify(engine.endpoint)}, onProgress() {} }))
    const builds = Array.from({ length: 50 }, () =>
      buildImage({
        engine: ${JSON.stringify(silent.endpoint)},
        dockerfileInline: 'FROM scratch',
        signal: controller.signal,
      }))
    const pulled = await Promise.all(pulls)
    controller.abort(new Error('enough'))
    const built = await Promise.allSettled(builds)
    console.log(pulled.every((image, index) => image.reference.endsWith(':' + index)),
      built.every(({ reason }) => reason === controller.signal.reason))`)
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'true true\n', stderr: '' })
})
