import { EventEmitter, once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

import type { Engine } from './engines.ts'

/** Something between a client and an engine that lets only some connections through. */
export interface EngineProxy {
  endpoint: string
  /** First line of each connection: `POST /session` for one of HTTP/1.1, `PRI *` for one of HTTP/2. */
  lines: string[]
  /** Connections that are open now. */
  open(): number
  /** Resolves once none is open. */
  idle(): Promise<void>
  close(): void
}

/** Starts a proxy of an engine that answers 404 to what `refuses` matches, and hands on nothing before `before` allows it. */
export async function startProxy(
  engine: Engine,
  refuses = /^$/,
  before: (line: string) => Promise<void> | undefined = () => undefined,
): Promise<EngineProxy> {
  const lines: string[] = []
  const sockets = new Set<Socket>()
  const events = new EventEmitter()

  const server = createServer((client) => {
    sockets.add(client)
    client.once('close', () => {
      sockets.delete(client)
      events.emit('closed')
    })
    client.on('error', () => client.destroy())
    client.once('data', async (first) => {
      const line = first.toString('latin1').split(' HTTP/', 1)[0] ?? ''
      lines.push(line)
      if (refuses.test(line)) {
        client.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
        return
      }
      client.pause()
      await before(line)
      const upstream = connect(target(engine))
      upstream.on('error', () => client.destroy())
      upstream.once('close', () => client.destroy())
      client.once('close', () => upstream.destroy())
      upstream.write(first)
      client.pipe(upstream).pipe(client)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lines,
    open: () => sockets.size,
    async idle() {
      while (sockets.size > 0) await once(events, 'closed')
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function target({ endpoint }: Engine) {
  const { protocol, hostname, port, pathname } = new URL(endpoint.replace(/^tcp:/, 'http:'))
  return protocol === 'unix:' ? { path: pathname } : { host: hostname, port: Number(port) }
}
