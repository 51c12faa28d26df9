import { once } from 'node:events'
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'

import type { Engine } from './engines.ts'

/** A running container on the host's network. */
export interface Container {
  /** Resolves once its output has `words`; rejects when the output ends without them. */
  says(words: string): Promise<void>
  /** Removes it. */
  remove(): Promise<void>
}

/** Starts `image` with `command` on a lab engine. */
export async function startContainer(
  engine: Engine,
  image: string,
  command: string[],
): Promise<Container> {
  const socketPath = new URL(engine.endpoint).pathname
  const call = async (method: string, path: string, body?: unknown): Promise<IncomingMessage> => {
    const options: RequestOptions = { socketPath, method, path, agent: false }
    const asked = request({ ...options, headers: { 'content-type': 'application/json' } })
    asked.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    if (Number(response.statusCode) < 400) return response
    throw new Error(`${method} ${path}: ${response.statusCode} ${await text(response)}`)
  }
  const created = await call('POST', '/containers/create', {
    Image: image,
    Cmd: command,
    HostConfig: { NetworkMode: 'host' },
  })
  const { Id: id } = JSON.parse(await text(created)) as { Id: string }
  await call('POST', `/containers/${id}/start`)
  return {
    async says(words) {
      const logs = await call('GET', `/containers/${id}/logs?follow=1&stdout=1&stderr=1`)
      let said = ''
      for await (const bytes of logs) {
        said += String(bytes)
        if (said.includes(words)) return
      }
      throw new Error(`the container ended without \`${words}\`:\n${said}`)
    },
    async remove() {
      await call('DELETE', `/containers/${id}?force=1`)
    },
  }
}

/** A port of loopback that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
