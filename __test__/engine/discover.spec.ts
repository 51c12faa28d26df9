import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe } from 'node:test'

import { imageExists } from '../../index.mjs'
import { whyNoBuildx } from '../helpers/buildx.ts'
import { setVariables } from '../helpers/docker-config.ts'
import { dockerSettings } from '../helpers/docker-context.ts'
import { engines, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { type Certificates, makeCertificates, startTlsProxy } from '../helpers/tls-proxy.ts'

/** An image that no engine has. */
const IMAGE = 'face/discover-not-there:1'

const [engine, other] = engines

describe('the engine that is found', { skip: whyNoBuildx || !other }, () => {
  let certificates: Certificates
  before(() => (certificates = makeCertificates()))
  after(() => certificates.remove())

  test('is that of the context that docker uses', async (t) => {
    const settings = await dockerSettings(t)
    // Nothing answers there: what follows cannot be the usual place.
    setVariables(t, { DOCKER_CONFIG: settings.folder, DOCKER_HOST: '', DOCKER_CONTEXT: '' })
    const endpoint = (host: string) => ['--docker', `host=${host}`]
    await settings.docker(['context', 'create', 'lab', ...endpoint(String(engine?.endpoint))])
    await settings.docker(['context', 'create', 'gone', ...endpoint('unix:///there/is/none')])
    const name = '{{.Name}}'
    const named = await settings.docker(['--context', 'lab', 'info', '--format', name])

    assert.equal(await imageExists(IMAGE, { engine: 'lab' }), false)
    const gone = await failure(imageExists(IMAGE, { engine: 'gone' }))
    assert.equal(gone.code, 'ENGINE_UNREACHABLE')
    assert.match(gone.message, /\/there\/is\/none/)

    await settings.docker(['context', 'use', 'lab'])
    assert.equal(await settings.docker(['info', '--format', name]), named)
    assert.equal(await imageExists(IMAGE), false)
    await settings.docker(['context', 'use', 'gone'])
    assert.equal((await failure(imageExists(IMAGE))).code, 'ENGINE_UNREACHABLE')

    setVariables(t, { DOCKER_CONTEXT: 'lab' })
    assert.equal(await imageExists(IMAGE), false)
    setVariables(t, { DOCKER_CONTEXT: 'gone', DOCKER_HOST: String(engine?.endpoint) })
    assert.equal(await imageExists(IMAGE), false)
  })

  test('is never another one than the context that was named', async (t) => {
    const settings = await dockerSettings(t)
    setVariables(t, { DOCKER_CONFIG: settings.folder, DOCKER_HOST: '', DOCKER_CONTEXT: 'none' })
    const docker = await settings.docker(['info'], { DOCKER_CONTEXT: 'none' }).catch(String)
    assert.match(docker, /context "none"/)
    for (const error of [
      await failure(imageExists(IMAGE)),
      await failure(imageExists(IMAGE, { engine: 'none' })),
    ]) {
      assert.equal(error.code, 'INVALID_OPTION')
      assert.match(error.message, /Docker context `none`: there is none of this name/)
      assert.match(String(error.hint), /docker context ls/)
    }
  })

  test('is spoken to with the certificates of its context', async (t) => {
    const proxy = await startTlsProxy(engine as NonNullable<typeof engine>, certificates.server)
    t.after(() => proxy.close())
    const settings = await dockerSettings(t)
    setVariables(t, { DOCKER_CONFIG: settings.folder, DOCKER_HOST: '', DOCKER_CONTEXT: '' })
    const file = (name: string) => path.join(certificates.client, name)
    const host = `host=tcp://127.0.0.1:${proxy.port}`
    const tls = `ca=${file('ca.pem')},cert=${file('cert.pem')},key=${file('key.pem')}`
    await settings.docker(['context', 'create', 'safe', '--docker', `${host},${tls}`])
    await settings.docker([
      'context',
      'create',
      'stranger',
      '--docker',
      `${host},ca=${file('ca.pem')}`,
    ])
    assert.match(await settings.docker(['--context', 'safe', 'info', '--format', '{{.ID}}']), /./)
    assert.equal(await imageExists(IMAGE, { engine: 'safe' }), false)
    assert.equal((await failure(imageExists(IMAGE, { engine: 'stranger' }))).code, 'ENGINE_TLS')
  })
})
