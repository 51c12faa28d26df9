import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

import type { Engine } from './engines.ts'

/** Loads an archive into an engine, as `docker load` does. Resolves with what the engine says. */
export async function load(engine: Engine, file: string): Promise<string> {
  const socketPath = new URL(engine.endpoint).pathname
  const headers = { 'content-type': 'application/x-tar' }
  const asked = request({
    socketPath,
    method: 'POST',
    path: '/images/load?quiet=1',
    headers,
    agent: false,
  })
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>
  await pipeline(createReadStream(file), asked)
  const [response] = await answered
  return await text(response)
}
