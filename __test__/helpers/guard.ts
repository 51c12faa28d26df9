import { EventEmitter, once } from 'node:events'
import {
  type IncomingHttpHeaders as Http2Headers,
  type ServerHttp2Stream,
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
} from 'node:http2'
import type { IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import type { TestContext } from 'node:test'

import type { Engine } from './engines.ts'

/** One request that has come, over HTTP/1.1 or HTTP/2. */
export interface Arrived {
  /** `POST /session`. */
  line: string
  headers: IncomingHttpHeaders
}

/** What stands before an engine, and lets nothing through without a header. */
export interface Guard {
  endpoint: string
  arrived: Arrived[]
}

/** Starts a guard of `engine` that wants the header `name` to be `value`, and repeats to others what it was sent. */
export async function startGuard(
  t: TestContext,
  engine: Engine,
  name: string,
  value: string,
): Promise<Guard> {
  const arrived: Arrived[] = []
  const sockets = new Set<Socket>()
  const socketPath = new URL(engine.endpoint).pathname
  const reach = () => track(connect(socketPath))
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const admits = (line: string, headers: IncomingHttpHeaders) => {
    arrived.push({ line, headers })
    return headers[name] === value
  }

  const http2 = createHttp2Server()
  const pass = (stream: ServerHttp2Stream, headers: Http2Headers, _: number, raw: string[]) => {
    stream.on('error', () => {})
    if (!admits(`${headers[':method']} ${headers[':path']}`, headers)) {
      stream.respond({ ':status': 403 }, { endStream: true })
      return
    }
    // BuildKit takes a connection for each call as well as one for all.
    const session = connectHttp2('http://engine', { createConnection: reach })
    session.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    const upstream = session.request(separate(raw))
    upstream.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    stream.once('close', () => session.destroy())
    const trailers = new EventEmitter()
    upstream.once('trailers', (sent) => trailers.emit('sent', sent))
    upstream.once('response', (sent) => {
      const isWhole = upstream.readableEnded
      stream.respond(sent, { endStream: isWhole, waitForTrailers: !isWhole })
      let last = {}
      trailers.once('sent', (sent) => (last = sent))
      stream.once('wantTrailers', () => stream.sendTrailers(last))
      upstream.pipe(stream)
    })
    stream.pipe(upstream)
  }
  http2.on('stream', pass)

  const server = createServer((client) => {
    track(client)
    client.once('data', (first) => {
      if (first.toString('latin1').startsWith('PRI * HTTP/2')) {
        join(client, first, connect((http2.address() as AddressInfo).port, '127.0.0.1'))
        return
      }
      const [head = '', ...rest] =
        first.toString('latin1').split('\r\n\r\n')[0]?.split('\r\n') ?? []
      const headers: IncomingHttpHeaders = {}
      for (const line of rest) {
        const colon = line.indexOf(':')
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
      }
      if (!admits(head.split(' HTTP/', 1)[0] ?? '', headers)) {
        const text = `not with ${headers[name]}`
        client.end(`HTTP/1.1 403 No\r\ncontent-length: ${text.length}\r\n\r\n${text}`)
        return
      }
      join(client, first, reach())
    })
  })
  http2.listen(0, '127.0.0.1')
  await once(http2, 'listening')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    http2.close()
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `tcp://127.0.0.1:${port}`, arrived }
}

function join(client: Socket, first: Buffer, upstream: Socket): void {
  upstream.on('error', () => {})
  upstream.once('close', () => client.destroy())
  client.once('close', () => upstream.destroy())
  upstream.write(first)
  client.pipe(upstream).pipe(client)
}

/** The headers as they came: Node makes one of those that have the same name. */
function separate(raw: string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = raw.slice(at, at + 2)
    const known = headers[name]
    headers[name] = known === undefined ? value : [known, value].flat()
  }
  return headers
}
