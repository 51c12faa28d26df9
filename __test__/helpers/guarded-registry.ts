import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  createServer,
  request as send,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

import { plainRegistry } from './registry.ts'

/** The lab's plain registry behind a login, at a port of its own. */
export interface GuardedRegistry {
  /** Host and port. */
  host: string
  /** Every request as it came, to the registry and to its token server: line and headers, with the body of a form. */
  requests: string[]
  /** How often a manifest was asked for by somebody who was then let in, or not. */
  manifests(status: number): number
  /** Tokens that were given out. */
  tokens: string[]
}

export interface GuardedRegistryOptions {
  username?: string
  password: string
  /** A refresh token that is taken in the place of the password. */
  identityToken?: string
  /** Whether the password itself is wanted, and not a token of a token server at yet another port. */
  basic?: boolean
  /**
   * What somebody gets who shows nothing to the token server: no token, one that opens everything, or one that opens
   * nothing.
   */
  anonymous?: 'refused' | 'public' | 'useless'
  /** Where it says that tokens are, in the place of its own token server. */
  realm?: string
}

export async function startGuardedRegistry(
  t: TestContext,
  options: GuardedRegistryOptions,
): Promise<GuardedRegistry> {
  const { username = 'ada', password, basic = false, anonymous = 'refused' } = options
  const login = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const requests: string[] = []
  const tokens: string[] = []
  const useless: string[] = []
  const statuses: number[] = []
  const note = ({ method, url, rawHeaders }: IncomingMessage, body = '') =>
    void requests.push([`${method} ${url}`, ...rawHeaders, body].join('\n'))

  const tokenServer = await listen(t, async (request, response) => {
    const body = await text(request)
    note(request, body)
    const form = new URLSearchParams(body)
    const shown = request.headers.authorization
    const isKnown =
      request.method === 'POST'
        ? (form.get('username') === username && form.get('password') === password) ||
          (options.identityToken && form.get('refresh_token') === options.identityToken)
        : shown === login
    const isNobody = request.method === 'GET' && shown === undefined && anonymous !== 'refused'
    if (!isKnown && !isNobody) return end(response, 401, `who is it: ${shown} ${body}`)
    const token = randomBytes(16).toString('hex')
    tokens.push(token)
    if (isNobody && anonymous === 'useless') useless.push(token)
    const issued = { expires_in: 300, issued_at: new Date().toISOString() }
    return end(response, 200, JSON.stringify({ token, access_token: token, ...issued }))
  })

  const host = await listen(t, (request, response) => {
    note(request)
    const { authorization = '' } = request.headers
    const token = tokens.find((token) => authorization === `Bearer ${token}`)
    const isKnown = basic ? authorization === login : token !== undefined
    const isAllowed = isKnown && !useless.includes(token ?? '')
    if (/\/manifests\//.test(request.url ?? '')) {
      response.once('finish', () => statuses.push(response.statusCode))
    }
    if (isAllowed) return forward(request, response)
    request.resume()
    const [, repository] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(request.url ?? '') ?? []
    const scope = repository ? `,scope="repository:${repository}:pull"` : ''
    const { realm = `http://${tokenServer}/token` } = options
    const bearer = `Bearer realm="${realm}",service="${host}"${scope}`
    response.setHeader('docker-distribution-api-version', 'registry/2.0')
    response.setHeader('www-authenticate', basic ? 'Basic realm="registry"' : bearer)
    const said = `authentication required: ${authorization}`
    return end(
      response,
      isKnown ? 403 : 401,
      JSON.stringify({ errors: [{ code: isKnown ? 'DENIED' : 'UNAUTHORIZED', message: said }] }),
    )
  })

  return {
    host,
    requests,
    tokens,
    manifests: (status) => statuses.filter((seen) => seen === status).length,
  }
}

async function listen(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Hands a request to the lab's registry, which takes the name that the client has for it. */
function forward(request: IncomingMessage, response: ServerResponse): void {
  const { authorization: _, ...headers } = request.headers
  const [hostname, port] = plainRegistry.split(':')
  const { method, url: path } = request
  const upstream = send({ hostname, port, method, path, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  upstream.on('error', () => response.destroy())
  request.pipe(upstream)
}

function end(response: ServerResponse, status: number, body: string): void {
  response.statusCode = status
  response.end(body)
}
