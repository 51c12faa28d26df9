import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe } from 'node:test'

import { type ProgressEvent, buildImage, imageExists } from '../../index.mjs'
import { freePort, startContainer } from '../helpers/container.ts'
import { engines, lab, testWithLab as test } from '../helpers/engines.ts'

const NAMES = [
  'docker.io/prizz/opencode-cloud-sandbox:latest',
  'ghcr.io/prizz/opencode-cloud-sandbox:latest',
]

const DOCKERFILE = new URL('../../crates/core/src/opencode/Dockerfile', import.meta.url)
const PINNED = /^ARG OPENCODE_VERSION=(.+)$/m.exec(await readFile(DOCKERFILE, 'utf8'))?.[1]

for (const engine of engines) {
  const options = { engine: engine.endpoint }

  describe(`the opencode image with ${engine.name}`, () => {
    test('is built from the embedded Dockerfile, starts, and is healthy', async (t) => {
      // A proxy with a CA of its own may stand before the package registries.
      const certificates = await readFile(String(lab?.hostCertificatesFile), 'utf8')
      const events: ProgressEvent[] = []
      const image = await buildImage({
        ...options,
        network: 'host',
        opencode: { caCertificates: certificates.trim() ? [certificates] : [] },
        onProgress: (batch) => void events.push(...batch),
      })
      assert.deepEqual(image.tags, NAMES)
      for (const name of NAMES) assert.equal(await imageExists(name, options), true)
      const steps = events.flatMap((event) => (event.type === 'step' ? [event] : []))
      assert.ok(steps.every(({ state }) => state !== 'failed'))
      const instructions = steps.filter(({ index }) => index !== undefined)
      assert.equal(new Set(instructions.map(({ id }) => id)).size, image.steps.total)
      t.diagnostic(`${image.steps.cached} of ${image.steps.total} steps were cached`)

      const port = await freePort()
      const address = ['--hostname', '127.0.0.1', '--port', String(port)]
      const container = await startContainer(engine, image.imageId, ['serve', ...address])
      t.after(() => container.remove())
      await container.says('listening on')
      const health = await fetch(`http://127.0.0.1:${port}/global/health`, {
        signal: AbortSignal.timeout(30_000),
      })
      assert.equal(health.status, 200)
      const answer = (await health.json()) as { healthy: boolean; version: string }
      assert.equal(answer.healthy, true)
      assert.equal(answer.version, PINNED)
      t.diagnostic(JSON.stringify(answer))
    })
  })
}
