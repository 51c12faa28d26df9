import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe } from 'node:test'

import {
  type BuildOptions,
  type ErrorCode,
  buildImage,
  imageExists,
  inspectImage,
  pullImage,
} from '../../index.mjs'
import { setVariables } from '../helpers/docker-config.ts'
import { startProxy } from '../helpers/engine-proxy.ts'
import { engines, forget, isPodman, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'

const DOCKERFILE = 'FROM scratch\nLABEL face.podman=1\n'

/** What only BuildKit does. */
const BEYOND: BuildOptions[] = [
  { platforms: ['linux/amd64', 'linux/arm64'] },
  { noCacheFilter: ['a'] },
  { contexts: { base: 'docker-image://debian:bookworm-slim' } },
  { secrets: { token: { value: 'canary-5e6f' } } },
  { ssh: { default: '/there/is/none' } },
  { cacheFrom: [{ type: 'registry', reference: 'ghcr.io/face/cache:1' }] },
  { cacheTo: [{ type: 'inline' }] },
  { outputs: [{ type: 'cacheonly' }] },
  { attestations: { sbom: true } },
  { allow: ['network.host'] },
  { sourceDateEpoch: 1 },
  { builder: 'buildkit' },
]

for (const engine of engines.filter(isPodman)) {
  const options = { engine: engine.endpoint }

  describe(`Podman as ${engine.name}`, () => {
    test('builds with its classic builder, and is not asked for another', async (t) => {
      const proxy = await startProxy(engine)
      t.after(() => proxy.close())
      t.after(() => forget(engine, 'docker.io/face/podman:1'))
      const image = await buildImage({
        engine: proxy.endpoint,
        dockerfileInline: DOCKERFILE,
        tags: ['face/podman:1'],
      })
      assert.equal(image.builder, 'classic')
      assert.doesNotMatch(proxy.lines.join('\n'), /grpc|session|^PRI/)
    })

    test('is sent nothing of a build that needs BuildKit', async (t) => {
      const proxy = await startProxy(engine)
      t.after(() => proxy.close())
      for (const beyond of BEYOND) {
        const build = { engine: proxy.endpoint, dockerfileInline: DOCKERFILE, ...beyond }
        const error = await failure(buildImage(build))
        const name = JSON.stringify(beyond)
        assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE' satisfies ErrorCode, name)
        assert.match(error.message, /BuildKit/, name)
      }
      assert.doesNotMatch(proxy.lines.join('\n'), /build|images/)
    })

    test('has images of Docker Hub under their full names, built and pulled', async (t) => {
      const names = ['docker.io/face/podman-name:1', 'docker.io/shipway/tiny:1']
      t.after(() => forget(engine, ...names))
      const dockerfileInline = DOCKERFILE
      await buildImage({ ...options, dockerfileInline, tags: ['face/podman-name:1'] })
      await pullImage('shipway/tiny:1', options)
      for (const name of names) {
        const details = await inspectImage(name.replace('docker.io/', ''), options)
        assert.ok(details?.repoTags.includes(name), details?.repoTags.join())
      }
    })

    test('is found where a user of its own would run it', async (t) => {
      if (existsSync('/var/run/docker.sock')) return t.skip('another engine is at the usual place')
      const home = await temporaryFolder(t)
      // The socket is `podman/podman.sock` below it.
      const run = path.dirname(path.dirname(new URL(engine.endpoint).pathname))
      setVariables(t, { DOCKER_HOST: '', DOCKER_CONTEXT: '', DOCKER_CONFIG: home, HOME: home })
      setVariables(t, { XDG_RUNTIME_DIR: run })
      assert.equal(await imageExists('face/podman-not-there:1'), false)
      setVariables(t, { XDG_RUNTIME_DIR: home })
      if (existsSync('/run/podman/podman.sock')) return t.diagnostic('it is there for root as well')
      const error = await failure(imageExists('face/podman-not-there:1'))
      assert.equal(error.code, 'ENGINE_NOT_FOUND')
    })
  })
}
