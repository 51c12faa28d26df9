import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { buildImage, imageExists, inspectImage, pullImage } from '../../index.mjs'
import { setVariables } from '../helpers/docker-config.ts'
import { engines, forget, isPodman, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import { openSockets } from '../helpers/open-files.ts'
import { startSshServer, whyNoSsh } from '../helpers/ssh-server.ts'

for (const engine of engines) {
  describe(`ssh to ${engine.name}`, { skip: whyNoSsh }, () => {
    test('carries a pull, a build and a look-up, and leaves no connection', async (t) => {
      const server = await startSshServer(t, engine)
      const options = { engine: `ssh://root@127.0.0.1:${server.port}` }
      const registry = await startRegistry({ layers: 1 })
      registry.open()
      t.after(() => registry.close())
      t.after(() => forget(engine, registry.reference, 'face/ssh:1'))
      await pullImage(registry.reference, options)
      assert.equal(await imageExists(registry.reference, options), true)
      const built = await buildImage({
        ...options,
        contextFiles: {
          Dockerfile: `FROM ${registry.reference}\nCOPY file /\n`,
          file: 'x'.repeat(1 << 20),
        },
        tags: ['face/ssh:1'],
      })
      assert.equal(built.builder, isPodman(engine) ? 'classic' : 'buildkit')
      const details = await inspectImage('face/ssh:1', options)
      assert.equal(details?.imageId, built.imageId)
      while (server.connections() > 0) await openSockets()
    })

    test('is cancelled at the engine', async (t) => {
      const server = await startSshServer(t, engine)
      const controller = new AbortController()
      const reason = new Error('enough')
      const rejected = buildImage({
        engine: `ssh://root@127.0.0.1:${server.port}`,
        dockerfileInline: 'FROM debian:bookworm-slim\nRUN echo go; sleep 10\n',
        network: 'host',
        noCache: true,
        signal: controller.signal,
        onProgress(events) {
          if (events.some((event) => event.type === 'log')) controller.abort(reason)
        },
      })
      await assert.rejects(rejected, reason)
      while (server.connections() > 0) await openSockets()
    })
  })
}

const [engine] = engines

describe('ssh', { skip: whyNoSsh || !engine?.store }, () => {
  test('goes by the settings of the user', async (t) => {
    await startSshServer(t, engine as NonNullable<typeof engine>)
    setVariables(t, { DOCKER_HOST: 'ssh://lab' })
    assert.equal(await imageExists('face/ssh-not-there:1'), false)
  })

  test('can be told the path of the socket', async (t) => {
    const other = engines.at(-1) as NonNullable<typeof engine>
    const server = await startSshServer(t, engine as NonNullable<typeof engine>)
    const endpoint = `ssh://root@127.0.0.1:${server.port}`
    const socket = new URL(other.endpoint).pathname
    assert.equal(await imageExists('face/ssh-not-there:1', { engine: endpoint + socket }), false)
    const error = await failure(imageExists('a', { engine: `${endpoint}/there/is/none` }))
    assert.equal(error.code, 'ENGINE_UNREACHABLE')
    assert.match(error.message, /`ssh` ended with the code 1: .*there\/is\/none/)
  })

  test('that is refused says why in its own words', async (t) => {
    const server = await startSshServer(t, engine as NonNullable<typeof engine>, {
      isStranger: true,
    })
    const options = { engine: `ssh://root@127.0.0.1:${server.port}` }
    const error = await failure(imageExists('a', options))
    assert.equal(error.code, 'ENGINE_UNREACHABLE')
    assert.equal(error.operation, 'connect')
    assert.match(error.message, /`ssh` ended with the code 255: .*Permission denied \(publickey\)/)
    assert.match(String(error.hint), /docker system dial-stdio/)
    // A server may lock out who asks in vain.
    assert.equal(server.runs(), 1)
  })

  test('that is not there is told apart', async (t) => {
    setVariables(t, { PATH: '/there/is/none' })
    const error = await failure(imageExists('a', { engine: 'ssh://host' }))
    assert.equal(error.code, 'ENGINE_UNREACHABLE')
    assert.match(error.message, /there is no program `ssh` on the PATH/)
  })
})
