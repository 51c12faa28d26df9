import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers one request to the engine. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** What an engine of the tests does. A list of answers is used up in order; the last one stays. */
export interface Script {
  ping?: Answer
  pull?: Answer | Answer[]
  build?: Answer
  /** Answers to requests for other paths, such as `/info`. */
  others?: Record<string, Answer>
  /** Local images by the name that is looked up. */
  images?: Record<string, object>
}

/** An engine as the tests need it, for faults that no real engine makes on demand. */
export interface FakeEngine {
  endpoint: string
  /** `METHOD /path?query` of each request but the pings. */
  requests: string[]
  /** Resolves once a request has come that `line` matches. */
  asked(line: RegExp): Promise<void>
  /** Resolves with the request whose client left before the answer had ended. */
  abandoned(): Promise<string>
  close(): void
}

const ID = `sha256:${'a'.repeat(64)}`

export async function startEngine(script: Script = {}): Promise<FakeEngine> {
  const requests: string[] = []
  const events = new EventEmitter()
  const left: string[] = []
  const images = new Map(Object.entries(script.images ?? {}))
  const answers = {
    pull: [script.pull ?? pulls()].flat(),
    build: script.build ?? builds(),
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://engine')
    const path = url.pathname.replace(/^\/v[\d.]+/, '')
    response.setHeader('api-version', '1.41')
    if (path === '/_ping') return (script.ping ?? text('OK'))(response, request)
    const line = `${request.method} ${path}${url.search}`
    requests.push(line)
    events.emit('request')
    response.once('close', () => {
      if (response.writableFinished) return
      left.push(line)
      events.emit('abandoned')
    })
    if (path === '/images/create') {
      const answer = answers.pull.length > 1 ? answers.pull.shift() : answers.pull[0]
      images.set(`${url.searchParams.get('fromImage')}:${url.searchParams.get('tag')}`, {})
      return answer?.(response, request)
    }
    const other = script.others?.[path]
    if (other) return other(response, request)
    if (path === '/build') {
      for (const tag of url.searchParams.getAll('t')) images.set(tag, {})
      images.set(ID, {})
      return answers.build(response, request)
    }
    const tagged = /^\/images\/(.+)\/tag$/.exec(path)
    if (tagged) {
      images.set(`${url.searchParams.get('repo')}:${url.searchParams.get('tag')}`, {})
      response.statusCode = 201
      return response.end()
    }
    const name = /^\/images\/(.+)\/json$/.exec(path)?.[1]
    const image = name && images.get(decodeURIComponent(name))
    if (image)
      return json(200, { Id: ID, Os: 'linux', Architecture: 'amd64', Size: 5, ...image })(
        response,
        request,
      )
    return json(404, { message: `No such image: ${name}` })(response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    endpoint: `tcp://127.0.0.1:${port}`,
    requests,
    async asked(line) {
      while (!requests.some((request) => line.test(request))) await once(events, 'request')
    },
    async abandoned() {
      if (left.length === 0) await once(events, 'abandoned')
      return left[0] ?? ''
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const text =
  (body: string): Answer =>
  (response) =>
    response.end(body)

/** A plain answer. */
export const json =
  (status: number, body: object): Answer =>
  (response) => {
    response.statusCode = status
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  }

/** A stream of messages; what follows them is `end`. */
export const stream =
  (messages: Iterable<object>, end: (response: ServerResponse) => void = finish): Answer =>
  (response, request) => {
    request.resume()
    response.setHeader('content-type', 'application/json')
    for (const message of messages) response.write(`${JSON.stringify(message)}\r\n`)
    end(response)
  }

const finish = (response: ServerResponse) => void response.end()

/** Keeps the answer open for ever. */
export const hang = (response: ServerResponse) => response.flushHeaders()

/** Breaks the connection in the middle of the answer. */
export const cut = (response: ServerResponse) =>
  void response.write('{"sta', () => response.destroy())

/** A pull of one layer of `sizeBytes`. */
export const pulls = (sizeBytes = 100): Answer =>
  stream([
    { status: 'Pulling from acme/app', id: '1' },
    { status: 'Pulling fs layer', progressDetail: {}, id: 'a1b2c3d4e5f6' },
    layer('Downloading', { current: sizeBytes / 2, total: sizeBytes }),
    layer('Downloading', { current: sizeBytes, total: sizeBytes }),
    layer('Download complete'),
    layer('Extracting', { current: sizeBytes, total: sizeBytes }),
    layer('Pull complete'),
    { status: `Digest: sha256:${'b'.repeat(64)}` },
    { status: 'Status: Downloaded newer image for acme/app:1' },
  ])

/** A pull that moves and then says no more. */
export const pullsForEver = (): Answer =>
  stream(
    [
      { status: 'Pulling from acme/app', id: '1' },
      { status: 'Pulling fs layer', progressDetail: {}, id: 'a1b2c3d4e5f6' },
      layer('Downloading', { current: 1, total: 100 }),
    ],
    hang,
  )

const layer = (status: string, progressDetail: object = {}) => ({
  status,
  progressDetail,
  id: 'a1b2c3d4e5f6',
})

/** A build of two steps that prints `lines`. */
export const builds = (lines: Iterable<string> = ['hello']): Answer =>
  stream(
    (function* () {
      yield { stream: 'Step 1/2 : FROM scratch' }
      yield { stream: '\n' }
      yield { stream: ' ---> \n' }
      yield { stream: 'Step 2/2 : RUN echo' }
      yield { stream: '\n' }
      yield { stream: ' ---> Running in 59f3aa5937dc\n' }
      for (const line of lines) yield { stream: `${line}\n` }
      yield { stream: ' ---> Removed intermediate container 59f3aa5937dc\n' }
      yield { stream: ` ---> ${'a'.repeat(12)}\n` }
      yield { aux: { ID } }
      yield { stream: `Successfully built ${'a'.repeat(12)}\n` }
    })(),
  )
