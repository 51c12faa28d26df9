import assert from 'node:assert/strict'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe } from 'node:test'

import { type ErrorCode, buildImage, imageExists, inspectImage, pullImage } from '../../index.mjs'
import { freePort } from '../helpers/container.ts'
import { setVariables } from '../helpers/docker-config.ts'
import { dockerSettings } from '../helpers/docker-context.ts'
import { tryDocker } from '../helpers/docker.ts'
import { lab, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import { makeOwnEngine } from '../helpers/own-engine.ts'
import { type Certificates, makeCertificates } from '../helpers/tls-proxy.ts'

/** An image that no engine has. */
const IMAGE = 'face/tls-not-there:1'

for (const [like, verifies] of [
  ['docker-20.10', true],
  ['docker-28.5', true],
  ['docker-28.5', false],
] as const) {
  const wants = verifies ? 'wants a client certificate' : 'wants no client certificate'
  describe(`an engine like ${like} over TLS that ${wants}`, { skip: !lab }, () => {
    let certificates: Certificates
    let host: string
    let remove = async () => {}
    before(async () => {
      certificates = makeCertificates()
      const port = await freePort()
      host = `tcp://127.0.0.1:${port}`
      const engine = makeOwnEngine(like, {
        args: (data) => {
          const file = (name: string) => `${data}/tls/${name}.pem`
          const files = [
            '--tlscacert',
            file('ca'),
            '--tlscert',
            file('cert'),
            '--tlskey',
            file('key'),
          ]
          return ['--host', host, '--tls', `--tlsverify=${verifies}`, ...files]
        },
      })
      remove = () => engine.remove()
      mkdirSync(engine.data, { recursive: true })
      cpSync(certificates.server, path.join(engine.data, 'tls'), { recursive: true })
      await engine.start()
    })
    after(async () => {
      await remove()
      certificates.remove()
    })

    test('pulls and builds', async (t) => {
      setVariables(t, {
        DOCKER_HOST: host,
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: certificates.client,
      })
      const registry = await startRegistry({ layers: 1 })
      registry.open()
      t.after(() => registry.close())
      const pulled = await pullImage(registry.reference)
      const dockerfileInline = `FROM ${registry.reference}\nLABEL face.tls=yes\n`
      for (const builder of ['buildkit', 'classic'] as const) {
        const tag = `face/tls:${builder}`
        const built = await buildImage({ builder, dockerfileInline, tags: [tag] })
        assert.equal(built.builder, builder)
        assert.notEqual(built.imageId, pulled.imageId)
        assert.equal((await inspectImage(tag))?.labels['face.tls'], 'yes')
      }
    })

    test('is reached with the certificates with which docker reaches it, and never without TLS', async (t) => {
      const none = await temporaryFolder(t)
      const { client, authorityOnly, stranger } = certificates
      const config = await temporaryFolder(t)
      const home = await temporaryFolder(t)
      mkdirSync(path.join(home, '.docker'))
      cpSync(client, path.join(home, '.docker'), { recursive: true })
      const withoutKey = path.join(config, 'certificates')
      cpSync(client, withoutKey, { recursive: true })
      rmSync(path.join(withoutKey, 'key.pem'))
      const only = verifies ? 'ENGINE_TLS' : null
      const table: [Record<string, string>, ErrorCode | null, (string | undefined)?][] = [
        [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: client }, null],
        [{ DOCKER_TLS_VERIFY: '0', DOCKER_CERT_PATH: client }, null],
        [{ DOCKER_TLS: '1', DOCKER_CERT_PATH: client }, null],
        [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '', DOCKER_CONFIG: client }, null],
        [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '', DOCKER_CONFIG: '', HOME: home }, null],
        [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: authorityOnly }, only],
        [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: stranger }, 'ENGINE_TLS'],
        [
          { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: withoutKey },
          'ENGINE_TLS',
          verifies ? undefined : 'docker passes over a certificate whose key is not there',
        ],
        [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: none }, 'ENGINE_TLS'],
        [
          { DOCKER_TLS: '1', DOCKER_CERT_PATH: stranger },
          'ENGINE_TLS',
          verifies ? undefined : 'docker does not check who answers where DOCKER_TLS alone is set',
        ],
        [{ DOCKER_TLS_VERIFY: '', DOCKER_TLS: '', DOCKER_CERT_PATH: client }, 'ENGINE_TLS'],
        [{ DOCKER_TLS_VERIFY: '', DOCKER_TLS: '', DOCKER_CERT_PATH: '' }, 'ENGINE_TLS'],
      ]
      for (const [variables, code, difference] of table) {
        const env = { DOCKER_HOST: host, DOCKER_CONFIG: config, ...variables }
        const shown = JSON.stringify(variables)
        const docker = await tryDocker(like, ['version'], env)
        const isReached = docker.status === 0
        setVariables(t, env)
        const outcome = await imageExists(IMAGE).catch((error) => error)
        assert.equal(outcome?.code ?? null, code, `${shown}: ${outcome?.message}`)
        assert.equal(isReached, difference ? true : code === null, `${shown}: ${docker.stderr}`)
        if (code) assert.match(String(outcome.hint), /https:\/\/|DOCKER_CERT_PATH/, outcome.hint)
      }
    })

    test('is reached with the certificates of a context, and of it alone', async (t) => {
      const settings = await dockerSettings(t)
      const file = (folder: string, name: string) => path.join(folder, name)
      const tls = (folder: string) => `ca=${file(folder, 'ca.pem')}`
      const full = (folder: string) =>
        `${tls(folder)},cert=${file(folder, 'cert.pem')},key=${file(folder, 'key.pem')}`
      const { client, authorityOnly, stranger } = certificates
      setVariables(t, {
        DOCKER_CONFIG: settings.folder,
        DOCKER_HOST: '',
        DOCKER_CONTEXT: '',
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: client,
      })
      for (const [name, extra, code] of [
        ['full', `,${full(client)}`, null],
        ['only', `,${tls(authorityOnly)}`, verifies ? 'ENGINE_TLS' : null],
        ['stranger', `,${full(stranger)}`, 'ENGINE_TLS'],
        // The variables of the environment are not for contexts.
        ['plain', '', 'ENGINE_TLS'],
      ] as const) {
        await settings.docker(['context', 'create', name, '--docker', `host=${host}${extra}`])
        const outcome = await imageExists(IMAGE, { engine: name }).catch((error) => error)
        assert.equal(outcome?.code ?? null, code, `${name}: ${outcome?.message}`)
        const docker = settings.docker(['--context', name, 'version', '--format', '{{.Server.Os}}'])
        assert.equal(
          (await docker.then(
            () => null,
            () => 'refused',
          )) === null,
          code === null,
          name,
        )
      }
    })

    test('that is pinned by its certificate fails where the name is another', async (t) => {
      setVariables(t, { DOCKER_CERT_PATH: certificates.client })
      const error = await failure(
        imageExists(IMAGE, { engine: host.replace('tcp://127.0.0.1', 'https://localhost') }),
      )
      assert.equal(error.code, 'ENGINE_TLS')
    })
  })
}
