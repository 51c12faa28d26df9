import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { buildImage, imageExists, pullImage } from '../../index.mjs'
import { setVariables, useDockerConfig } from '../helpers/docker-config.ts'
import { tryDocker } from '../helpers/docker.ts'
import { startProxy } from '../helpers/engine-proxy.ts'
import { buildKitEngines, forget, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { startRegistry } from '../helpers/gated-registry.ts'

/** An image that no engine has. */
const IMAGE = 'face/version-not-there:1'

for (const engine of buildKitEngines) {
  describe(`the version of the API with ${engine.name}`, () => {
    test('is the one that DOCKER_API_VERSION pins, for all that a pull and builds need', async (t) => {
      const proxy = await startProxy(engine)
      t.after(() => proxy.close())
      const registry = await startRegistry({ layers: 1, sizeBytes: 1000 })
      registry.open()
      t.after(() => registry.close())
      t.after(() => forget(engine, registry.reference, 'face/version:1'))
      setVariables(t, { DOCKER_API_VERSION: 'v1.41' })
      await pullImage(registry.reference, { engine: proxy.endpoint })
      for (const builder of ['classic', 'buildkit'] as const) {
        await buildImage({
          builder,
          engine: proxy.endpoint,
          dockerfileInline: `FROM ${registry.reference}\nLABEL a=b\n`,
          tags: ['face/version:1'],
        })
      }
      const versioned = proxy.lines.filter((line) => /images|build/.test(line))
      assert.ok(versioned.length > 4)
      for (const line of versioned) assert.match(line, /^\w+ \/v1\.41\//)
    })

    test('is refused where docker finds that the engine does not have it', async (t) => {
      const DOCKER_CONFIG = await useDockerConfig(t, {})
      for (const [DOCKER_API_VERSION, words] of [
        ['1.10', /is too old. Minimum supported API version is 1/],
        ['v1.99', /is too new. Maximum supported API version is 1/],
      ] as const) {
        const env = { DOCKER_API_VERSION, DOCKER_HOST: engine.endpoint, DOCKER_CONFIG }
        const docker = await tryDocker(engine, ['images', '--quiet'], env)
        assert.match(docker.stderr, words)
        setVariables(t, { DOCKER_API_VERSION })
        const error = await failure(imageExists(IMAGE, { engine: engine.endpoint }))
        assert.deepEqual([error.code, error.operation], ['ENGINE_VERSION', 'connect'])
        assert.match(error.message, words)
        assert.match(String(error.hint), /unset DOCKER_API_VERSION/)
      }
    })

    test('is agreed upon where DOCKER_API_VERSION is empty', async (t) => {
      for (const DOCKER_API_VERSION of ['', ' ', 'v']) {
        setVariables(t, { DOCKER_API_VERSION })
        assert.equal(await imageExists(IMAGE, { engine: engine.endpoint }), false)
      }
    })
  })
}

describe('a version that is none', () => {
  test('is refused before the engine is asked', async (t) => {
    for (const DOCKER_API_VERSION of ['1', 'latest', '1.4x', '1.41/../x']) {
      setVariables(t, { DOCKER_API_VERSION })
      const error = await failure(imageExists(IMAGE, { engine: 'unix:///there/is/none' }))
      assert.deepEqual([error.code, error.operation], ['INVALID_OPTION', 'connect'])
      assert.match(error.message, /DOCKER_API_VERSION/)
    }
  })
})
