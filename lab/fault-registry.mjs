import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { makeBadCertificates } from './faults/certificates.mjs'
import { makeImage } from './faults/image.mjs'
import { FAULTS, coded, faultOf } from './faults/table.mjs'

export { FAULTS }

const TOKEN = 'a-token'
export const USER = { username: 'ada', password: 'right' }
const LOGIN = `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`

/**
 * Starts a registry on loopback in which the last part of a repository's name is the fault that it has, such as
 * `any/thing/layer-404` (`FAULTS`, and `status-N`, `html-N` for every status N). Every repository has the tag `1` and an image
 * of its own with random layers. A fault whose name ends in `-1` or `-2` happens that many times, and is then over.
 *
 * Engines take 127.0.0.0/8 for insecure, so servers with a wrong certificate are named by 0.0.0.0, which leads to
 * the same machine. `caFile` is an authority that engines trust, with its key `ca.key` beside it: without it there are no
 * `tls-expired` and `tls-wrong-name`.
 */
export async function startFaultRegistry({ caFile } = {}) {
  const start = performance.now()
  const requests = []
  const repositories = new Map()
  const servers = await startServers(caFile, answer)

  function answer(server, request, response) {
    const url = new URL(request.url, 'http://registry')
    const [, repository, kind, name] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? []
    const scope = /^repository:(.+):pull$/.exec(url.searchParams.get('scope') ?? '')?.[1]
    const record = {
      method: request.method,
      path: url.pathname,
      repository: repository ?? scope ?? null,
      timeMs: performance.now() - start,
      status: 0,
    }
    requests.push(record)
    response.once('close', () => {
      record.status = response.headersSent ? response.statusCode : 0
    })
    response.setHeader('docker-distribution-api-version', 'registry/2.0')
    if (url.pathname === '/token') return giveToken(request, response, scope)
    if (isRefused(server, request, response)) return
    if (url.pathname === '/v2/') return coded(200, 'none', '')({ request, response })
    const held = repository && repositoryOf(repository)
    if (!held) return coded(404, 'NAME_UNKNOWN', 'no such fault')({ request, response })
    return kind === 'manifests'
      ? giveManifest(request, response, held, name)
      : giveBlob(request, response, held, name)
  }

  function repositoryOf(name) {
    if (!repositories.has(name)) {
      const fault = faultOf(name.slice(name.lastIndexOf('/') + 1))
      const image = fault && makeImage(fault.shape, fault.image)
      repositories.set(name, fault && { fault, image, left: fault.times })
    }
    return repositories.get(name)
  }

  /** Answers wrongly where the fault has something for `part`, and it is not over. */
  function fails(part, held, request, response, body) {
    const wrong = held.fault[part]
    const counts = request.method === 'GET' || !held.fault.getOnly
    if (!wrong || !counts || held.left <= 0) return false
    held.left -= 1
    wrong({ request, response, body, image: held.image })
    return true
  }

  function giveManifest(request, response, held, name) {
    const { image, fault } = held
    const isTag = !name.startsWith('sha256:')
    const top = fault.isBare ? [...image.manifests.keys()][0] : image.top
    // Engines that have asked for a tag may fetch its digest.
    const isNamed =
      isTag || name === fault.digest || fault.anyName || (fault.getOnly && name === top)
    const manifest = image.manifests.get(isNamed ? top : name)
    if (!manifest || (fault.digest === name && !fault.manifest)) return unknown(request, response)
    response.setHeader('content-type', manifest.mediaType)
    if (isNamed && fails('manifest', held, request, response, manifest.bytes)) return
    response.setHeader('docker-content-digest', manifest.digest)
    send(request, response, manifest.bytes)
  }

  function giveBlob(request, response, held, name) {
    const { image } = held
    const blob = image.blobs.get(name)
    if (!blob) return coded(404, 'BLOB_UNKNOWN', 'blob unknown')({ request, response })
    response.setHeader('content-type', 'application/octet-stream')
    const part = { [image.lastLayer]: 'layer', [image.config]: 'config' }[name]
    if (part && fails(part, held, request, response, blob.bytes)) return
    response.setHeader('docker-content-digest', name)
    send(request, response, blob.bytes)
  }

  function giveToken(request, response, scope) {
    const held = scope && repositoryOf(scope)
    const body = Buffer.from(JSON.stringify({ token: TOKEN, access_token: TOKEN, expires_in: 300 }))
    if (held && fails('token', held, request, response, body)) return
    response.setHeader('content-type', 'application/json')
    send(request, response, body)
  }

  function isRefused(server, request, response) {
    const challenge = servers[server].challenge?.(request)
    const wanted = server === 'basic' ? LOGIN : `Bearer ${TOKEN}`
    if (!challenge || request.headers.authorization === wanted) return false
    const headers = { 'www-authenticate': challenge }
    coded(401, 'UNAUTHORIZED', 'authentication required', headers)({ request, response })
    return true
  }

  return {
    /** What to pull for a fault; `prefix` makes it a repository of its own, with its own image and count. */
    reference(name, prefix = 'faults') {
      const fault = faultOf(name)
      if (!fault) throw new Error(`no fault \`${name}\``)
      const server = servers[fault.server ?? 'plain']
      if (!server) throw new Error(`\`${name}\` needs \`caFile\``)
      return `${server.host}/${prefix}/${name}${fault.digest ? `@${fault.digest}` : ':1'}`
    },
    /** The requests for a reference's repository so far, oldest first; what is before it (`/v2/`) belongs to none. */
    requests(reference) {
      const repository = /^[^/]+\/([^:@]+)/.exec(reference)?.[1]
      return requests.filter((request) => request.repository === repository)
    },
    /** Digest of what a reference's tag names. */
    digest(reference) {
      return repositoryOf(/^[^/]+\/([^:@]+)/.exec(reference)[1]).image.top
    },
    close() {
      for (const { close } of Object.values(servers)) close?.()
    },
  }
}

function unknown(request, response) {
  coded(404, 'MANIFEST_UNKNOWN', 'manifest unknown')({ request, response })
}

function send(request, response, body) {
  response.setHeader('content-length', body.length)
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** The servers by name: `host` as engines are told, `challenge` where a login is wanted. */
async function startServers(caFile, answer) {
  const certificates = await makeBadCertificates(caFile)
  const http = (name) =>
    listen(createHttpServer((request, response) => answer(name, request, response)))
  const https = (certificate, options = {}) =>
    certificate &&
    listen(
      createHttpsServer({ ...certificate, ...options }, (request, response) =>
        answer('tls', request, response),
      ),
    )
  const tcp = (connected) => listen(createTcpServer(connected))
  const bearer = (realm) => (request) =>
    `Bearer realm="${realm(request.headers.host)}",service="faults"`
  // The registry's own name in its challenge leads the client back to it.
  const own = (host) => `http://${host}/token`

  const named = {
    plain: await http('plain'),
    bearer: { ...(await http('bearer')), challenge: bearer(own) },
    bearerRefused: {
      ...(await http('bearerRefused')),
      challenge: bearer(() => 'http://127.0.0.1:1/token'),
    },
    bearerDns: {
      ...(await http('bearerDns')),
      challenge: bearer(() => 'http://token.invalid/token'),
    },
    basic: { ...(await http('basic')), challenge: () => 'Basic realm="faults"' },
    refused: { host: '127.0.0.1:1' },
    dns: { host: 'registry.invalid' },
    silent: await tcp(() => {}),
    hangsUp: await tcp((socket) => socket.resetAndDestroy()),
    notHttp: await tcp(greet),
    tlsNotHttp: secure(await tcp(greet)),
    tlsUnknownCa: secure(await https(certificates.unknown)),
    tlsExpired: secure(await https(certificates.expired)),
    tlsWrongName: secure(await https(certificates.wrongName)),
    tlsPlainHttp: secure(await http('plain')),
    // No engine speaks it any more; OpenSSL only below security level 1.
    tlsOldVersion: secure(
      await https(certificates.unknown, {
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    ),
  }
  return named
}

/** As a mail server does. */
const greet = (socket) => socket.end('220 mail.example.test ESMTP\r\n')

const secure = (server) =>
  server && { ...server, host: server.host.replace('127.0.0.1', '0.0.0.0') }

async function listen(server) {
  const sockets = new Set()
  server.on('connection', (socket) => {
    sockets.add(socket)
    // What is broken on purpose, or leaves, is no news.
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => {})
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    host: `127.0.0.1:${server.address().port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
