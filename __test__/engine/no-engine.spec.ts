import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises'
import { type RequestListener, createServer as createHttpServer } from 'node:http'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'
import path from 'node:path'
import { type TestContext, describe } from 'node:test'

import { type ErrorCode, type ShipwayError, buildImage, pullImage } from '../../index.mjs'
import { tryDocker } from '../helpers/docker.ts'
import { engines, lab, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { packageUrl, runNode } from '../helpers/run-node.ts'
import { startSshServer, whyNoSsh } from '../helpers/ssh-server.ts'
import { makeCertificates, startTlsProxy } from '../helpers/tls-proxy.ts'

const [engine] = engines

/** A pull and a build of this endpoint fail, both so. */
async function fails(
  endpoint: string,
  code: ErrorCode,
  message: RegExp,
  hint: RegExp,
  timeouts = {},
): Promise<ShipwayError> {
  const options = { engine: endpoint, timeouts }
  const errors = [
    await failure(pullImage('a/b:1', options)),
    await failure(buildImage({ ...options, dockerfileInline: 'FROM scratch\n' })),
  ]
  for (const error of errors) {
    assert.deepEqual([error.code, error.operation], [code, 'connect'], error.message)
    assert.match(error.message, message)
    assert.ok(error.message.includes(`\`${endpoint}\``), error.message)
    assert.match(String(error.hint), hint)
  }
  return errors[0] as ShipwayError
}

/** Starts a server at a port that ends with the test, and returns its endpoint. */
async function listen(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const web = (t: TestContext, answer: RequestListener) => listen(t, createHttpServer(answer))

const raw = (t: TestContext, greeting: string) =>
  listen(
    t,
    createServer((socket) => void socket.write(greeting, 'latin1')),
  )

const IS_IT_RUNNING = /check that the engine is running/
const ANOTHER_SERVICE = /not another service/

describe('what is no engine', () => {
  test('is told by its socket', async (t) => {
    const folder = await temporaryFolder(t, { file: '', 'folder/x': '' })
    const at = (name: string) => `unix://${path.join(folder, name)}`
    await symlink(path.join(folder, 'away'), path.join(folder, 'link'))
    const unreachable = (name: string, message: RegExp) =>
      fails(at(name), 'ENGINE_UNREACHABLE', message, IS_IT_RUNNING)
    await unreachable('none', /there is no such socket/)
    await unreachable('link', /there is no such socket/)
    await unreachable('none/none', /there is no such socket/)
    await unreachable('file', /what is there is not a socket/)
    await unreachable('folder', /what is there is not a socket/)
    await unreachable('file/x', /not a directory/)
    const server = createServer().listen(path.join(folder, 'left'))
    await once(server, 'listening')
    // A second name outlives the server, as a socket outlives an engine that was killed.
    await link(path.join(folder, 'left'), path.join(folder, 'stale'))
    server.close()
    await unreachable('stale', /nothing listens there/)
  })

  test('or one that this user may not speak to, is a matter of permission', async (t) => {
    const folder = await temporaryFolder(t)
    await chmod(folder, 0o755)
    await mkdir(path.join(folder, 'closed'), { mode: 0o700 })
    await symlink(new URL(String(engine?.endpoint)).pathname, path.join(folder, 'closed/sock'))
    for (const endpoint of [engine?.endpoint, `unix://${path.join(folder, 'closed/sock')}`]) {
      const { stdout, stderr } = await runNode(`
        import { imageExists } from ${JSON.stringify(packageUrl)}
        process.setgroups([])
        process.setegid('nogroup')
        process.seteuid('nobody')
        const { code, operation, hint, message } = await imageExists('a', {
          engine: ${JSON.stringify(endpoint)},
        }).catch((error) => error)
        console.log(JSON.stringify({ code, operation, hint, message }))`)
      assert.equal(stderr, '')
      const error = JSON.parse(stdout) as Record<string, string>
      assert.equal(error['code'], 'ENGINE_PERMISSION_DENIED')
      assert.equal(error['operation'], 'connect')
      assert.match(String(error['message']), /this user may not open it/)
      assert.match(String(error['hint']), /join the socket's group/)
    }
  })

  test('is told by what it says', async (t) => {
    for (const greeting of [
      'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n',
      '220 mail.example ESMTP\r\n',
      '+OK ready\r\n',
      '\0\u0001\u0002\u0003',
      '<html>\n',
      '{"status":"ok"}\n',
    ]) {
      const endpoint = await raw(t, greeting)
      await fails(endpoint, 'ENGINE_PROTOCOL', /does not speak HTTP/, ANOTHER_SERVICE)
    }
    const tls = await raw(t, '\x15\x03\x01\x00\x02\x02\x46')
    await fails(tls, 'ENGINE_TLS', /TLS|HTTPS/, /https:\/\//)
  })

  test('is told by its silence', async (t) => {
    const timeouts = { connectMs: 100 }
    const silent = await raw(t, '')
    await fails(
      silent,
      'ENGINE_UNREACHABLE',
      /did not answer within 0.1 s/,
      IS_IT_RUNNING,
      timeouts,
    )
  })

  test('is told by its web', async (t) => {
    const protocol = async (answer: RequestListener, message = /is not a container engine/) =>
      fails(await web(t, answer), 'ENGINE_PROTOCOL', message, ANOTHER_SERVICE)
    await protocol((_, response) => void response.end('OK'))
    await protocol((_, response) => void response.end('<html>It works!</html>'))
    await protocol((_, response) => void response.writeHead(404).end('<html>Not Found</html>'))
    await protocol((_, response) => void response.writeHead(404).end('{"detail":"Not Found"}'))
    await protocol((_, response) => void response.writeHead(302, { location: '/login' }).end())
    await protocol((_, response) => void response.writeHead(400).end())
    const refusing = await web(t, (_, response) => void response.writeHead(401).end('who is it?'))
    await fails(refusing, 'ENGINE_PERMISSION_DENIED', /who is it/, /HttpHeaders/)
    const gateway = await web(
      t,
      (_, response) => void response.writeHead(502).end('<html>Bad</html>'),
    )
    await fails(gateway, 'ENGINE_UNREACHABLE', /502|Bad/, IS_IT_RUNNING)
  })

  test('is a registry, a TLS server or an SSH server', async (t) => {
    const { address, port } = lab?.registries.plain ?? { address: '', port: 0 }
    const registry = `tcp://${address}:${port}`
    await fails(registry, 'ENGINE_PROTOCOL', /is not a container engine/, ANOTHER_SERVICE)
    const docker = await tryDocker('docker-28.5', ['version'], { DOCKER_HOST: registry })
    assert.notEqual(docker.status, 0)

    const hub = lab?.registries.dockerHub ?? { address: '', port: 0 }
    await fails(`tcp://${hub.address}:${hub.port}`, 'ENGINE_TLS', /TLS|HTTPS/, /https:\/\//)

    const certificates = makeCertificates()
    t.after(certificates.remove)
    const proxy = await startTlsProxy(engine as NonNullable<typeof engine>, certificates.server)
    t.after(proxy.close)
    const error = await failure(pullImage('a/b:1', { engine: `https://127.0.0.1:${proxy.port}` }))
    assert.equal(error.code, 'ENGINE_TLS')
  })

  test('says that a real server of ssh does not speak HTTP', async (t) => {
    if (whyNoSsh) return t.skip(whyNoSsh)
    const ssh = await startSshServer(t, engine as NonNullable<typeof engine>)
    const endpoint = `tcp://127.0.0.1:${ssh.port}`
    return void (await fails(endpoint, 'ENGINE_PROTOCOL', /does not speak HTTP/, ANOTHER_SERVICE))
  })

  test('is told once for all places, where none was named', async (t) => {
    const folder = await temporaryFolder(t, { 'run/x': '', '.docker/x': '' })
    await writeFile(path.join(folder, 'run/docker.sock'), '')
    const { stdout } = await runNode(
      `
      import { imageExists } from ${JSON.stringify(packageUrl)}
      const { code, message } = await imageExists('a').catch((error) => error)
      console.log(JSON.stringify({ code, message }))`,
      {
        env: {
          HOME: folder,
          XDG_RUNTIME_DIR: path.join(folder, 'run'),
          DOCKER_HOST: '',
          DOCKER_CONTEXT: '',
          DOCKER_CONFIG: '',
        },
      },
    )
    const { code, message } = JSON.parse(stdout || '{}') as { code?: string; message?: string }
    // Only where the machine itself has no engine.
    if (code === undefined) return t.skip('this machine has an engine at a usual place')
    assert.equal(code, 'ENGINE_NOT_FOUND')
    assert.match(String(message), /\(rootless Docker\): what is there is not a socket/)
    assert.match(String(message), /\(Podman\).*there is no such socket/)
  })
})
