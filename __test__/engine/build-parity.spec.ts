import assert from 'node:assert/strict'
import { appendFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, describe } from 'node:test'

import { type ProgressEvent, buildImage } from '../../index.mjs'
import { dockerBuild, toldSteps, tryDockerBuild } from '../helpers/docker.ts'
import { type Engine, buildKitEngines, forget, lab, testWithLab } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { makeOddTree } from '../helpers/odd-tree.ts'

/** Steps that look at all of a context, at parts of it, and at single entries. */
const DOCKERFILE = [
  'FROM scratch',
  // No engine has seen it, nor what is built on it.
  'COPY salt /',
  'COPY modes links /some/',
  'COPY a-hard z-hard links/hard /hard/',
  'COPY sticky /sticky',
  'COPY attributes nothing private/file /',
  'COPY *[ck]* /wild/',
  'COPY --chown=7:8 . /all/',
].join('\n')

const STEPS = 7

const TAG = `parity/${process.pid}:1`

for (const engine of lab ? buildKitEngines : []) {
  describe(`the build cache of ${engine.name}`, () => {
    testWithLab('has every step of a build by docker', async (t) => {
      const context = await oddTree(t)
      const built = toldSteps(await dockerBuild(engine, ['-t', TAG, context]))
      t.after(() => forget(engine, TAG))
      assert.deepEqual(
        [...built.values()],
        Array.from({ length: STEPS }, () => false),
      )
      assert.deepEqual(
        await steps(engine, context),
        Array.from({ length: STEPS }, () => 'cached'),
      )
    })

    testWithLab('has every step of a build by us, for docker', async (t) => {
      const context = await oddTree(t)
      assert.deepEqual(
        await steps(engine, context),
        Array.from({ length: STEPS }, () => 'done'),
      )
      const built = toldSteps(await dockerBuild(engine, ['-t', TAG, context]))
      t.after(() => forget(engine, TAG))
      assert.deepEqual(
        [...built.values()],
        Array.from({ length: STEPS }, () => true),
      )
    })

    testWithLab('is not asked for names that docker cannot send either', async (t) => {
      const context = await oddTree(t)
      const name = Buffer.from('\xff\xfe.bin', 'latin1')
      writeFileSync(Buffer.concat([Buffer.from(`${context}/`), name]), 'bytes')
      const { status } = await tryDockerBuild(engine, ['-t', TAG, context])
      t.after(() => forget(engine, TAG))
      if (status === 0) {
        const told = await steps(engine, context)
        assert.deepEqual(
          told,
          Array.from({ length: STEPS }, () => 'cached'),
        )
      } else {
        const options = { engine: engine.endpoint, contextDirectory: context }
        const error = await failure(buildImage(options))
        assert.equal(error.code, 'CONTEXT_INVALID')
        assert.ok(error.message.includes(path.basename(context)), error.message)
        assert.match(error.message, /\.bin`: its name or target is not UTF-8/)
      }
    })

    testWithLab('and its copy of a context make a rebuild send what has changed', async (t) => {
      const context = await oddTree(t)
      const first = await sent(engine, context)
      assert.ok(first.files > 20)
      assert.equal((await sent(engine, context)).files, 0)

      const file = path.join(context, 'private/file')
      utimesSync(file, 1, 1_234_567_890)
      const touched = await sent(engine, context)
      assert.deepEqual(touched, { ...touched, files: 1, isCached: true })

      appendFileSync(file, 'more')
      const changed = await sent(engine, context)
      assert.deepEqual(changed, { ...changed, files: 1, isCached: false })

      unlinkSync(path.join(context, 'modes/600'))
      const removed = await sent(engine, context)
      assert.deepEqual(removed, { ...removed, files: 0, isCached: false })
    })
  })
}

for (const engine of lab ? buildKitEngines.filter(({ name }) => name !== 'docker-20.10') : []) {
  testWithLab(`what docker has sent to ${engine.name} is not sent again`, async (t) => {
    const context = await oddTree(t)
    const settings = await mkdtemp(path.join(tmpdir(), 'shipway-buildx-'))
    t.after(() => rm(settings, { recursive: true }))
    const env = { BUILDX_CONFIG: settings }
    await dockerBuild(engine, ['--output', 'type=cacheonly', context], env)

    // Who this machine is to builders is in the settings of buildx.
    const before = process.env['BUILDX_CONFIG']
    process.env['BUILDX_CONFIG'] = settings
    t.after(() => {
      if (before === undefined) delete process.env['BUILDX_CONFIG']
      else process.env['BUILDX_CONFIG'] = before
    })
    assert.equal((await sent(engine, context)).files, 0)
  })
}

/** Makes a context that no engine has seen, which is removed after the test. */
async function oddTree(t: TestContext): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'shipway-parity-'))
  t.after(() => rm(root, { recursive: true }))
  makeOddTree(root, root)
  writeFileSync(path.join(root, 'Dockerfile'), DOCKERFILE)
  return root
}

/** Builds, and says how each step that copies something ended. */
async function steps(engine: Engine, contextDirectory: string): Promise<string[]> {
  const ends = new Map<string, string>()
  for (const event of await events(engine, contextDirectory))
    if (event.type === 'step' && event.name.includes('COPY ')) ends.set(event.id, event.state)
  return [...ends.values()]
}

/** Builds, and says how many files were sent, and whether all steps came from the cache. */
async function sent(
  engine: Engine,
  contextDirectory: string,
): Promise<{ files: number; isCached: boolean }> {
  const told = await events(engine, contextDirectory)
  const context = told.findLast((event) => event.type === 'context')
  assert.equal(context?.done, true)
  const copies = told.filter((event) => event.type === 'step' && event.name.includes('COPY '))
  const isCached = copies.every((event) => event.type === 'step' && event.state === 'cached')
  return { files: context.filesSent, isCached }
}

async function events(engine: Engine, contextDirectory: string): Promise<ProgressEvent[]> {
  const told: ProgressEvent[] = []
  const image = await buildImage({
    engine: engine.endpoint,
    contextDirectory,
    onProgress: (batch) => void told.push(...batch),
  })
  await forget(engine, image.imageId)
  return told
}
