import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { buildImage, imageExists, inspectImage } from '../../index.mjs'
import { engines, forget, isPodman, testWithEngine as test } from '../helpers/engines.ts'

for (const engine of engines) {
  const options = { engine: engine.endpoint }

  describe(`a look-up with ${engine.name}`, () => {
    test('finds an image by every name that it has, and by no other', async (t) => {
      t.after(() => forget(engine, 'face/inspect:1'))
      const dockerfileInline = 'FROM scratch\nLABEL face.inspect=1\n'
      const { imageId } = await buildImage({
        ...options,
        dockerfileInline,
        tags: ['face/inspect:1'],
      })
      const digits = imageId.slice('sha256:'.length)
      for (const name of [
        'face/inspect:1',
        'docker.io/face/inspect:1',
        imageId,
        digits.slice(0, 12),
      ]) {
        assert.equal((await inspectImage(name, options))?.imageId, imageId, name)
      }
      for (const name of ['face/inspect', 'ghcr.io/face/inspect:1', `sha256:${'0'.repeat(64)}`]) {
        assert.equal(await imageExists(name, options), false, name)
      }
      const details = await inspectImage('face/inspect:1', options)
      // Podman writes names in full.
      const name = isPodman(engine) ? 'docker.io/face/inspect:1' : 'face/inspect:1'
      assert.deepEqual(details?.repoTags, [name])
      assert.match(String(details?.platform), /^linux\//)
      assert.equal(
        await imageExists('face/inspect:1', { ...options, platform: 'linux/s390x' }),
        false,
      )
    })

    test('goes where DOCKER_HOST points', async (t) => {
      const before = process.env['DOCKER_HOST']
      t.after(() => {
        if (before === undefined) delete process.env['DOCKER_HOST']
        else process.env['DOCKER_HOST'] = before
      })
      process.env['DOCKER_HOST'] = engine.endpoint
      assert.equal(await imageExists('face/none:1'), false)
    })
  })
}
