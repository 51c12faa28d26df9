import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { inspect } from 'node:util'

import { type BuildOptions, type ProgressEvent, buildImage, inspectImage } from '../../index.mjs'
import { freePort } from '../helpers/container.ts'
import { type Engine, buildKitEngines, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { startSources } from '../helpers/sources.ts'

for (const engine of buildKitEngines) {
  const options = { engine: engine.endpoint }

  /** Builds, and returns the label that tells the Dockerfiles apart. */
  const built = async (request: BuildOptions) => {
    const { imageId } = await buildImage({ ...options, ...request })
    const details = await inspectImage(String(imageId), options)
    return details?.labels['face.source']
  }

  describe(`a context that ${engine.name} fetches`, () => {
    test('is the default branch of a git repository', async (t) => {
      const sources = await startSources(t)
      assert.equal(await built({ contextUrl: sources.url('/repository.git') }), 'main')
    })

    test('is a folder of a branch', async (t) => {
      const sources = await startSources(t)
      const contextUrl = sources.url('/repository.git#other:folder')
      if (!isOld(engine)) return assert.equal(await built({ contextUrl }), 'other')
      const error = await failure(buildImage({ ...options, contextUrl }))
      return assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE', error.message)
    })

    test('is an archive', async (t) => {
      const sources = await startSources(t)
      assert.equal(await built({ contextUrl: sources.url('/context.tar.gz') }), 'main')
      assert.deepEqual(new Set(sources.requests), new Set(['GET /context.tar.gz']))
    })

    test('is a Dockerfile alone', async (t) => {
      const sources = await startSources(t)
      assert.equal(await built({ contextUrl: sources.url('/Dockerfile') }), 'text')
    })

    test('may have its Dockerfile under another name', async (t) => {
      const sources = await startSources(t)
      const dockerfile = 'other.Dockerfile'
      for (const place of ['/repository.git', '/context.tar.gz']) {
        assert.equal(await built({ contextUrl: sources.url(place), dockerfile }), 'other file')
      }
    })

    test('may be built by a Dockerfile of this machine', async (t) => {
      const sources = await startSources(t)
      const text = (name: string) => `FROM scratch\nCOPY file /x\nLABEL face.source=${name}\n`
      const root = await temporaryFolder(t, { 'own.Dockerfile': text('own') })
      for (const place of ['/repository.git', '/context.tar.gz']) {
        const contextUrl = sources.url(place)
        assert.equal(await built({ contextUrl, dockerfileInline: text('inline') }), 'inline')
        assert.equal(await built({ contextUrl, dockerfile: `${root}/own.Dockerfile` }), 'own')
      }
    })

    test('may need credentials, which no event and no error shows', async (t) => {
      const sources = await startSources(t)
      const events: ProgressEvent[] = []
      const onProgress = (batch: ProgressEvent[]) => void events.push(...batch)
      const places = ['/private/context.tar.gz', '/private/repository.git']
      for (const place of places) {
        const contextUrl = sources.url(place, 'name:hunter2')
        assert.equal(await built({ contextUrl, onProgress }), 'main')
      }
      for (const place of [...places, '/private/nothing.git', '/private/nothing']) {
        const contextUrl = sources.url(place, 'name:wrong2')
        const error = await failure(buildImage({ ...options, contextUrl, onProgress }))
        assert.doesNotMatch(inspect(error, { depth: 9 }), /wrong2/)
      }
      assert.doesNotMatch(JSON.stringify(events), /hunter2|wrong2/)
    })

    test('may be one of several, by its name', async (t) => {
      const sources = await startSources(t)
      const events: ProgressEvent[] = []
      const onProgress = (batch: ProgressEvent[]) => void events.push(...batch)
      const dockerfileInline = 'FROM scratch\nCOPY --from=lib /file /x\nLABEL face.source=lib\n'
      const contexts = { lib: sources.url('/private/repository.git#main', 'name:hunter2') }
      const call = built({ contexts, dockerfileInline, onProgress })
      if (isOld(engine)) {
        assert.equal((await failure(call)).code, 'UNSUPPORTED_BY_ENGINE')
      } else assert.equal(await call, 'lib')
      assert.doesNotMatch(JSON.stringify(events), /hunter2/)
    })

    test('and that is not there is CONTEXT_INVALID', async (t) => {
      const sources = await startSources(t)
      const branch = '/repository.git#nothing'
      for (const place of ['/nothing', '/nothing.git', branch, '/private/repository.git']) {
        const contextUrl = sources.url(place)
        const error = await failure(buildImage({ ...options, contextUrl }))
        assert.equal(error.code, 'CONTEXT_INVALID', `${place}: ${error.message}`)
        assert.match(String(error.hint), /^check the URL/)
      }
    })

    test('from where nobody listens is CONTEXT_INVALID', async () => {
      const contextUrl = `http://127.0.0.1:${await freePort()}/context.tar.gz`
      const error = await failure(buildImage({ ...options, contextUrl }))
      assert.equal(error.code, 'CONTEXT_INVALID', error.message)
      assert.match(String(error.hint), /^check the URL/)
    })

    test('without the Dockerfile that is asked for is DOCKERFILE_INVALID', async (t) => {
      const sources = await startSources(t)
      for (const place of ['/repository.git', '/context.tar.gz']) {
        const contextUrl = sources.url(place)
        const error = await failure(buildImage({ ...options, contextUrl, dockerfile: 'nothing' }))
        assert.equal(error.code, 'DOCKERFILE_INVALID', `${place}: ${error.message}`)
      }
    })
  })
}

/** The Docker whose BuildKit knows no folders of a repository. */
const isOld = ({ apiVersion }: Engine): boolean => apiVersion === '1.41'
