import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { MANIFEST, makeImage } from './gated-registry.ts'

/** A registry with one image, which it gives to those who have a token of its token server, or its password. */
export interface TokenRegistry {
  /** Host and port. */
  host: string
  reference: string
  /** Every request as it came: line, headers, body. */
  requests: string[]
  /** Those that the engine made. */
  fromEngine(): string[]
  /** Tokens that were given out. */
  tokens: string[]
  close(): void
}

export interface TokenRegistryOptions {
  username?: string
  password?: string
  /** A refresh token that is taken in the place of the password. */
  identityToken?: string
  /** A bearer token that is taken although the token server did not give it. */
  registryToken?: string
  /** Whether the password itself is wanted, with each request. */
  basic?: boolean
  /** What the token server answers to those whom it does not know: by default 401, with all that it was sent. */
  refusal?: number
  /** Whether nobody needs a password for a token. */
  open?: boolean
  /** Whether the token server knows OAuth. */
  oauth?: boolean
}

export async function startTokenRegistry(options: TokenRegistryOptions): Promise<TokenRegistry> {
  const { username = 'ada', password, oauth = true, refusal = 401 } = options
  const image = makeImage(1, 64)
  const requests: string[] = []
  const tokens: string[] = options.registryToken ? [options.registryToken] : []
  const login = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

  const server = createServer(async (request, response) => {
    const body = await text(request)
    const seen = [`${request.method} ${request.url}`, ...request.rawHeaders, body].join('\n')
    requests.push(seen)
    const { pathname } = new URL(request.url ?? '', 'http://registry')
    if (pathname === '/token') return giveToken(request, response, body, seen)
    return giveImage(request, response, pathname)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`

  function giveToken(
    { method, headers }: IncomingMessage,
    response: ServerResponse,
    body: string,
    seen: string,
  ) {
    const form = new URLSearchParams(body)
    const hasPassword = form.get('username') === username && form.get('password') === password
    const refreshToken = form.get('refresh_token')
    const isKnown =
      options.open ||
      (method === 'POST'
        ? hasPassword || (refreshToken !== null && refreshToken === options.identityToken)
        : headers.authorization === login)
    if (method === 'POST' && !oauth) return end(response, 404, seen)
    if (!isKnown) return end(response, refusal, seen)
    const token = randomBytes(16).toString('hex')
    tokens.push(token)
    const issued = { expires_in: 300, issued_at: new Date().toISOString() }
    return end(response, 200, JSON.stringify({ token, access_token: token, ...issued }))
  }

  function giveImage(request: IncomingMessage, response: ServerResponse, path: string) {
    response.setHeader('docker-distribution-api-version', 'registry/2.0')
    const { authorization = '' } = request.headers
    const isKnown = options.basic
      ? authorization === login
      : tokens.some((token) => authorization === `Bearer ${token}`)
    if (!isKnown) {
      const bearer = `Bearer realm="http://${host}/token",service="${host}",scope="repository:face/private:pull"`
      response.setHeader('www-authenticate', options.basic ? 'Basic realm="registry"' : bearer)
      return end(response, 401, '{"errors":[{"code":"UNAUTHORIZED","message":"who is it"}]}')
    }
    if (path === '/v2/') return end(response, 200, '{}')
    const [, kind, name = ''] = /^\/v2\/face\/private\/(manifests|blobs)\/(.+)$/.exec(path) ?? []
    const digest = kind === 'manifests' && name === '1' ? image.manifest : name
    const blob = image.blobs.get(digest)
    if (!blob) return end(response, 404, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
    const isManifest = kind === 'manifests'
    response.setHeader('content-type', isManifest ? MANIFEST : 'application/octet-stream')
    response.setHeader('docker-content-digest', digest)
    response.setHeader('content-length', blob.length)
    return response.end(request.method === 'HEAD' ? undefined : blob)
  }

  return {
    host,
    reference: `${host}/face/private:1`,
    requests,
    fromEngine: () => requests.filter((request) => !/^user-agent\nshipway\//im.test(request)),
    tokens,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function end(response: ServerResponse, status: number, body: string) {
  response.statusCode = status
  response.end(body)
}
