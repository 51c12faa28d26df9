// An engine that says what no real one says on demand: `node scripted-engine.mjs SOCKET layers|lines COUNT`.
import { once } from 'node:events'
import { createServer } from 'node:http'

const [socket, kind, countText] = process.argv.slice(2)
const count = Number(countText)
const ID = `sha256:${'a'.repeat(64)}`

/** Messages in one piece of the stream, as several come in one where an engine is fast. */
const TOGETHER = 32

/** Layers that are at work at once, as many as a registry client of an engine has connections with room to spare. */
const AT_ONCE = 64

const LAYER_BYTES = 10 * 1024 * 1024
const PARTS = [0.2, 0.4, 0.6, 0.8, 1]

function* layers() {
  const layer = (number, status, progressDetail = {}) => ({
    status,
    progressDetail,
    id: number.toString(16).padStart(12, '0'),
  })
  yield { status: 'Pulling from acme/app', id: '1' }
  for (let number = 0; number < count; number += 1) yield layer(number, 'Pulling fs layer')
  for (let first = 0; first < count; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, at) => first + at)
    for (const status of ['Downloading', 'Extracting']) {
      for (const part of PARTS) {
        const progress = { current: LAYER_BYTES * part, total: LAYER_BYTES }
        for (const number of numbers) yield layer(number, status, progress)
      }
      const after = status === 'Downloading' ? 'Download complete' : 'Pull complete'
      for (const number of numbers) yield layer(number, after)
    }
  }
  yield { status: `Digest: ${ID}` }
  yield { status: 'Status: Downloaded newer image for acme/app:1' }
}

function* lines() {
  yield { stream: 'Step 1/2 : FROM scratch' }
  yield { stream: '\n' }
  yield { stream: ' ---> \n' }
  yield { stream: 'Step 2/2 : RUN make' }
  yield { stream: '\n' }
  yield { stream: ' ---> Running in 59f3aa5937dc\n' }
  for (let number = 1; number <= count; number += 1) {
    yield { stream: `compiling module ${number} of ${count}: ok\n` }
  }
  yield { stream: ` ---> ${'a'.repeat(12)}\n` }
  yield { aux: { ID } }
  yield { stream: `Successfully built ${'a'.repeat(12)}\n` }
}

async function send(response, messages) {
  let piece = ''
  let waiting = 0
  for (const message of messages) {
    piece += `${JSON.stringify(message)}\r\n`
    waiting += 1
    if (waiting < TOGETHER) continue
    if (!response.write(piece)) await once(response, 'drain')
    piece = ''
    waiting = 0
  }
  response.end(piece)
}

const server = createServer((request, response) => {
  request.resume()
  const path = new URL(request.url, 'http://engine').pathname.replace(/^\/v[\d.]+/, '')
  response.setHeader('content-type', 'application/json')
  if (path === '/_ping') return response.setHeader('api-version', '1.41').end('OK')
  if (path === '/images/create' || path === '/build') {
    return void send(response, kind === 'layers' ? layers() : lines())
  }
  if (path.endsWith('/tag')) return response.writeHead(201).end()
  if (/^\/images\/.+\/json$/.test(path)) {
    return response.end(JSON.stringify({ Id: ID, Os: 'linux', Architecture: 'amd64', Size: 5 }))
  }
  return response.writeHead(404).end('{"message":"page not found"}')
})
server.listen(socket, () => process.send?.('listening'))
