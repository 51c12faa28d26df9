import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import path from 'node:path'
import type { TestContext } from 'node:test'

import type { Engine } from './engines.ts'
import { temporaryFolder } from './folder.ts'

/** A way to an engine that can be cut. */
export interface CuttingProxy {
  endpoint: string
  /** Bytes that have come from the engine, over all connections. */
  bytes: number
  /** Connections that are open. */
  open: number
  /** Whether it has been cut. */
  isCut: boolean
}

/**
 * Starts a way to `engine` that is cut for good once `limit` bytes have come from the engine, or on which nothing moves
 * any more where it `holds`. `pieceBytes` is how much of them is handed on at once.
 */
export async function startProxy(
  t: TestContext,
  engine: Engine,
  { limit = Infinity, pieceBytes = Infinity, holds = false } = {},
): Promise<CuttingProxy> {
  const socketPath = path.join(await temporaryFolder(t), 'engine.sock')
  const sockets = new Set<Socket>()
  const proxy: CuttingProxy = { endpoint: `unix://${socketPath}`, bytes: 0, open: 0, isCut: false }
  const cut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(new URL(engine.endpoint).pathname)
    proxy.open += 1
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('close', () => (proxy.open -= 1))
    client.on('data', (data) => {
      if (proxy.isCut) return
      if (!upstream.write(data)) {
        client.pause()
        upstream.once('drain', () => client.resume())
      }
    })
    upstream.on('data', (data) => {
      if (proxy.isCut) return
      for (let start = 0; start < data.length; start += pieceBytes) {
        const piece = data.subarray(start, Math.min(start + pieceBytes, data.length))
        const left = limit - proxy.bytes
        proxy.bytes += piece.length
        client.write(piece.subarray(0, Math.max(0, left)))
        if (piece.length >= left) {
          proxy.isCut = true
          if (holds) return
          // What was written is on its way before the end.
          client.end(() => cut())
          upstream.destroy()
          return
        }
      }
    })
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
  })
  server.listen(socketPath)
  await once(server, 'listening')
  t.after(cut)
  return proxy
}
