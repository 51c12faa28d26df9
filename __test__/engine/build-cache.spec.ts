import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, describe } from 'node:test'

import { type BuildOptions, type BuildResult, buildImage } from '../../index.mjs'
import {
  type Engine,
  buildKitEngines,
  forget,
  testWithEngine,
  testWithLab,
} from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { forgetPushed, plainRegistry } from '../helpers/registry.ts'

/** Engines that can put a cache anywhere, and those that cannot. */
const containerd = buildKitEngines.filter(({ store }) => store === 'containerd')
const graphDriver = buildKitEngines.filter(({ store }) => store === 'graphdriver')

/** What every BuildKit reads: older ones do not know a cache that is an image. */
const FOR_ALL = { mode: 'max', 'image-manifest': 'false', 'oci-mediatypes': 'false' }

for (const engine of buildKitEngines) {
  const options = { engine: engine.endpoint }
  const others = buildKitEngines.filter((other) => other !== engine)

  describe(`the cache of a build with ${engine.name}`, () => {
    testWithLab('goes with a pushed image, and other engines take steps from it', async (t) => {
      const contextDirectory = await freshContext(t)
      const reference = `${plainRegistry}/face/inline:${engine.store}-${process.pid}`
      t.after(() => forgetPushed(reference))
      t.after(() => forget(engine, reference))
      await buildImage({
        ...options,
        contextDirectory,
        tags: [reference],
        outputs: [{ type: 'registry' }],
        cacheTo: [{ type: 'inline' }],
      })
      for (const other of others) {
        const cacheFrom = [{ type: 'registry' as const, reference }]
        const { cached } = await rebuild(other, { contextDirectory, cacheFrom })
        assert.deepEqual(cached, COPIES, other.name)
      }
    })

    testWithLab('goes with an image by the build argument of docker as well', async (t) => {
      const contextDirectory = await freshContext(t)
      const reference = `${plainRegistry}/face/inline:arg-${engine.store}-${process.pid}`
      t.after(() => forgetPushed(reference))
      t.after(() => forget(engine, reference))
      await buildImage({
        ...options,
        contextDirectory,
        tags: [reference],
        outputs: [{ type: 'image', push: true }],
        buildArgs: { BUILDKIT_INLINE_CACHE: '1' },
      })
      const other = others[0] ?? engine
      const cacheFrom = [{ type: 'registry' as const, reference }]
      assert.deepEqual((await rebuild(other, { contextDirectory, cacheFrom })).cached, COPIES)
    })

    testWithEngine('may be missing: a folder without one is a warning', async (t) => {
      const contextDirectory = await freshContext(t)
      const directory = path.join(contextDirectory, 'none')
      const cacheFrom = [{ type: 'local' as const, directory }]
      const { built } = await rebuild(engine, { contextDirectory, cacheFrom })
      assert.deepEqual(
        built.warnings.map(({ code }) => code),
        ['CACHE_NOT_FOUND'],
      )
      assert.ok(built.warnings[0]?.message.includes(directory))
    })

    testWithLab('may be missing: a registry without one is a warning that says why', async (t) => {
      const contextDirectory = await freshContext(t)
      const reference = `${plainRegistry}/face/none:1`
      const cacheFrom = [{ type: 'registry' as const, reference }]
      const { built, cached } = await rebuild(engine, { contextDirectory, cacheFrom })
      assert.deepEqual(cached, [])
      assert.deepEqual(
        built.warnings.map(({ code }) => code),
        ['CACHE_NOT_FOUND'],
      )
      assert.match(String(built.warnings[0]?.message), /face\/none:1` is not used: .*not found/)
    })
  })
}

for (const engine of graphDriver) {
  testWithEngine(`${engine.name} puts a cache nowhere but into the image`, async (t) => {
    const contextDirectory = await freshContext(t)
    const directory = path.join(contextDirectory, 'cache')
    const reference = `${plainRegistry}/face/cache:1`
    const [local, registry] = [
      { type: 'local' as const, directory },
      { type: 'registry' as const, reference },
    ]
    for (const entry of [local, registry]) {
      const call = buildImage({ engine: engine.endpoint, contextDirectory, cacheTo: [entry] })
      const error = await failure(call)
      assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE')
      assert.match(String(error.hint), /`inline`/)
    }
    assert.ok(!(await readdir(contextDirectory)).includes('cache'))
  })
}

for (const engine of containerd) {
  const options = { engine: engine.endpoint, outputs: [{ type: 'cacheonly' as const }] }

  describe(`a cache that ${engine.name} has put away`, () => {
    testWithLab('is taken from the registry by every other engine', async (t) => {
      const contextDirectory = await freshContext(t)
      const reference = `${plainRegistry}/face/cache:${process.pid}`
      t.after(() => forgetPushed(reference))
      const cacheTo = [{ type: 'registry' as const, reference, attributes: FOR_ALL }]
      const built = await buildImage({ ...options, contextDirectory, cacheTo })
      assert.match(built.exporterResponse['cache.manifest'] ?? '', /sha256:/)
      for (const other of graphDriver) {
        const cacheFrom = [{ type: 'registry' as const, reference }]
        const { cached } = await rebuild(other, { contextDirectory, cacheFrom })
        assert.deepEqual(cached, COPIES, other.name)
      }
    })

    testWithLab('is taken from a folder by its tag, by every other engine', async (t) => {
      const contextDirectory = await freshContext(t)
      const directory = path.join(await temporaryFolder(t), 'new', 'cache')
      const put = (tag: string) =>
        buildImage({
          ...options,
          contextDirectory,
          cacheTo: [{ type: 'local', directory, attributes: { ...FOR_ALL, tag } }],
        })
      await put('first')
      await put('second')
      assert.deepEqual(await tagsOf(directory), ['first', 'second'])
      assert.deepEqual((await readdir(directory)).toSorted(), ['blobs', 'index.json', 'oci-layout'])
      for (const other of graphDriver) {
        const attributes = { tag: 'second' }
        const cacheFrom = [{ type: 'local' as const, directory, attributes }]
        const { built, cached } = await rebuild(other, { contextDirectory, cacheFrom })
        assert.deepEqual(built.warnings, [])
        assert.deepEqual(cached, COPIES, other.name)
      }
      const unknown = [{ type: 'local' as const, directory, attributes: { tag: 'third' } }]
      const { built } = await rebuild(engine, { contextDirectory, cacheFrom: unknown })
      assert.match(built.warnings[0]?.message ?? '', /it has no tag `third`/)
    })

    testWithEngine('is whole although builds write to one folder at once', async (t) => {
      const directory = path.join(await temporaryFolder(t), 'cache')
      const tags = ['a', 'b', 'c', 'd']
      await Promise.all(
        tags.map(async (tag) => {
          const cacheTo = [{ type: 'local' as const, directory, attributes: { mode: 'max', tag } }]
          const contextDirectory = await freshContext(t)
          await buildImage({ ...options, contextDirectory, cacheTo })
        }),
      )
      assert.deepEqual(await tagsOf(directory), tags)
      const blobs = await readdir(path.join(directory, 'blobs/sha256'))
      for (const name of blobs) {
        const content = await readFile(path.join(directory, 'blobs/sha256', name))
        assert.equal(createHash('sha256').update(content).digest('hex'), name)
      }
      assert.deepEqual((await readdir(directory)).toSorted(), ['blobs', 'index.json', 'oci-layout'])
    })

    testWithEngine('cannot go to a folder that cannot be', async (t) => {
      const contextDirectory = await freshContext(t)
      const directory = path.join(contextDirectory, 'Dockerfile')
      const cacheTo = [{ type: 'local' as const, directory }]
      const error = await failure(buildImage({ ...options, contextDirectory, cacheTo }))
      assert.equal(error.code, 'INVALID_OPTION')
    })
  })
}

const COPIES = ['COPY file /a', 'COPY file /b']

/** A context that no engine has seen. */
async function freshContext(t: TestContext): Promise<string> {
  const Dockerfile = ['FROM scratch', ...COPIES].join('\n')
  return await temporaryFolder(t, { Dockerfile, file: randomUUID() })
}

/** Builds for the cache alone. Returns the copies that came from a cache. */
async function rebuild(
  engine: Engine,
  options: BuildOptions,
): Promise<{ built: BuildResult; cached: string[] }> {
  const cached = new Set<string>()
  const built = await buildImage({
    engine: engine.endpoint,
    outputs: [{ type: 'cacheonly' }],
    ...options,
    onProgress(events) {
      for (const event of events) {
        const copy = event.type === 'step' && /COPY file \/.$/.exec(event.name)?.[0]
        if (copy && event.state === 'cached') cached.add(copy)
      }
    },
  })
  return { built, cached: [...cached].toSorted() }
}

async function tagsOf(directory: string): Promise<(string | undefined)[]> {
  const index = JSON.parse(await readFile(path.join(directory, 'index.json'), 'utf8')) as {
    manifests: { annotations: Record<string, string> }[]
  }
  const tags = index.manifests.map((each) => each.annotations['org.opencontainers.image.ref.name'])
  return tags.toSorted()
}
