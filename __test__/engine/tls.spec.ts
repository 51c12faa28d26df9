import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'

import { buildImage, imageExists, inspectImage, pullImage } from '../../index.mjs'
import { setVariables } from '../helpers/docker-config.ts'
import { engines, forget, testWithLab as test } from '../helpers/engines.ts'
import { startEngine } from '../helpers/fake-engine.ts'
import { failure } from '../helpers/failure.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import {
  type Certificates,
  type TlsProxy,
  makeCertificates,
  startTlsProxy,
} from '../helpers/tls-proxy.ts'

for (const engine of engines) {
  describe(`TLS to ${engine.name}`, { skip: engine.store === undefined }, () => {
    let certificates: Certificates
    let proxy: TlsProxy
    let options: { engine: string }
    before(async () => {
      certificates = makeCertificates()
      proxy = await startTlsProxy(engine, certificates.server)
      options = { engine: `https://127.0.0.1:${proxy.port}` }
    })
    after(() => {
      proxy.close()
      certificates.remove()
    })

    test('carries a pull, a build and a look-up', async (t) => {
      setVariables(t, { DOCKER_CERT_PATH: certificates.client })
      const registry = await startRegistry({ layers: 1 })
      registry.open()
      t.after(() => registry.close())
      t.after(() => forget(engine, registry.reference, 'face/tls:1'))
      const pulled = await pullImage(registry.reference, options)
      assert.equal(await imageExists(registry.reference, options), true)
      const built = await buildImage({
        ...options,
        dockerfileInline: `FROM ${registry.reference}\nLABEL face.tls=yes\n`,
        tags: ['face/tls:1'],
      })
      const details = await inspectImage('face/tls:1', options)
      assert.equal(details?.imageId, built.imageId)
      assert.equal(details?.labels['face.tls'], 'yes')
      assert.notEqual(built.imageId, pulled.imageId)
    })

    test('is what `tcp` means where DOCKER_TLS_VERIFY is set', async (t) => {
      setVariables(t, {
        DOCKER_CERT_PATH: certificates.client,
        DOCKER_HOST: `tcp://127.0.0.1:${proxy.port}`,
        DOCKER_TLS_VERIFY: '1',
      })
      assert.equal(await imageExists('face/tls-not-there:1'), false)
    })

    test('is not spoken without the client certificate that is wanted', async (t) => {
      for (const [folder, words] of [
        [certificates.authorityOnly, /wants a client certificate, and there is none/],
        [certificates.stranger, /authority that is not trusted/],
      ] as const) {
        setVariables(t, { DOCKER_CERT_PATH: folder })
        const error = await failure(imageExists('a', options))
        assert.equal(error.code, 'ENGINE_TLS')
        assert.equal(error.operation, 'connect')
        assert.match(error.message, words)
      }
    })

    test('is told apart from plain HTTP', async (t) => {
      setVariables(t, { DOCKER_CERT_PATH: certificates.client })
      const { endpoint, close } = await startEngine()
      t.after(close)
      const error = await failure(imageExists('a', { engine: endpoint.replace('tcp', 'https') }))
      assert.equal(error.code, 'ENGINE_TLS')
      assert.match(error.message, /what answers there does not speak TLS/)
      assert.match(String(error.hint), /http:\/\//)

      // Node hangs up without a word; Go's answer is a case of the library's tests.
      const plain = await failure(imageExists('a', { engine: `tcp://127.0.0.1:${proxy.port}` }))
      assert.equal(plain.code, 'ENGINE_DISCONNECTED')
      assert.match(String(plain.hint), /https:\/\//)
    })
  })
}
