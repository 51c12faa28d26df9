import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** A registry with one image, whose layers no engine has, and which come only half, and then drop by drop, until the gate is open. */
export interface GatedRegistry {
  reference: string
  /** Resolves once the manifest has been asked for. */
  asked: Promise<unknown>
  /** Size of each layer as it is transferred. */
  layerSizes: number[]
  /** Requests so far, as `GET manifests/1` and `GET blobs/sha256:…`. */
  requests: string[]
  /** How often each layer has been asked for. */
  layerRequests(): number[]
  open(): void
  /** Puts another image under the name. */
  renew(): void
  /** Has the image no more. */
  forget(): void
  /** Resolves once no layer is on its way. */
  idle(): Promise<void>
  close(): void
}

/** Podman tells bytes only when more come, and no more often than once a second. */
const DROP_BYTES = 1024
const DROP_EVERY_MS = 100

export const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
const CONFIG = 'application/vnd.docker.container.image.v1+json'
const LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'

export async function startRegistry({
  layers = 2,
  sizeBytes = 2 << 20,
  /** How many empty files each layer has besides: they take long to extract. */
  emptyFiles = 0,
  /** Whether each layer is small until it is extracted. */
  isEmpty = false,
  /** Whether the manifest waits for the gate as well. */
  holdsManifest = false,
} = {}): Promise<GatedRegistry> {
  const events = new EventEmitter({ captureRejections: true }).setMaxListeners(0)
  let image = makeImage(layers, sizeBytes, { emptyFiles, isEmpty })
  const asked = once(events, 'asked')
  const onTheirWay = new Set<ServerResponse>()
  let isOpen = false
  const requests: string[] = []

  async function sendLayer(response: ServerResponse, blob: Buffer) {
    onTheirWay.add(response)
    response.once('close', () => {
      onTheirWay.delete(response)
      events.emit('gone')
    })
    response.setHeader('content-length', blob.length)
    let sentBytes = blob.length / 2
    response.write(blob.subarray(0, sentBytes))
    const drop = () => {
      if (sentBytes + DROP_BYTES >= blob.length) return
      response.write(blob.subarray(sentBytes, sentBytes + DROP_BYTES))
      sentBytes += DROP_BYTES
    }
    if (!isOpen) {
      const drops = setInterval(drop, DROP_EVERY_MS)
      response.once('close', () => clearInterval(drops))
      await once(events, 'open')
      clearInterval(drops)
    }
    response.end(blob.subarray(sentBytes))
  }

  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    response.setHeader('docker-distribution-api-version', 'registry/2.0')
    if (path === '/v2/') return response.end('{}')
    const [, kind = '', name = ''] = /^\/v2\/face\/gated\/(manifests|blobs)\/(.+)$/.exec(path) ?? []
    requests.push(`${request.method} ${kind}/${name}`)
    const isManifest = kind === 'manifests'
    const digest = isManifest && name === '1' ? image.manifest : name
    const blob = image.blobs.get(digest)
    if (!blob) {
      response.statusCode = 404
      return response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
    }
    if (isManifest) events.emit('asked')
    if (isManifest && holdsManifest && !isOpen) await once(events, 'open')
    response.setHeader('content-type', isManifest ? MANIFEST : 'application/octet-stream')
    response.setHeader('docker-content-digest', digest)
    if (request.method === 'GET' && image.layers.includes(digest)) return sendLayer(response, blob)
    response.setHeader('content-length', blob.length)
    return response.end(request.method === 'HEAD' ? undefined : blob)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    reference: `127.0.0.1:${(server.address() as AddressInfo).port}/face/gated:1`,
    asked,
    layerSizes: image.layers.map((digest) => image.blobs.get(digest)?.length ?? 0),
    requests,
    layerRequests: () =>
      image.layers.map(
        (digest) => requests.filter((line) => line === `GET blobs/${digest}`).length,
      ),
    renew() {
      image = makeImage(layers, sizeBytes, { emptyFiles, isEmpty })
    },
    forget() {
      image.blobs.clear()
    },
    open() {
      isOpen = true
      events.emit('open')
    },
    async idle() {
      while (onTheirWay.size > 0) await once(events, 'gone')
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** The blobs of an image with random layers, or of zeros where it `isEmpty`. */
export function makeImage(
  count: number,
  sizeBytes: number,
  { emptyFiles = 0, isEmpty = false } = {},
) {
  const blobs = new Map<string, Buffer>()
  const add = (blob: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
    blobs.set(digest, blob)
    return { digest, size: blob.length }
  }
  const tars = Array.from({ length: count }, (_, index) => {
    const empty = Array.from({ length: emptyFiles }, (_, number) =>
      makeEntry(`${index}.${number}`, Buffer.alloc(0)),
    )
    const file = makeEntry(
      `${index}.bin`,
      isEmpty ? Buffer.alloc(sizeBytes) : randomBytes(sizeBytes),
    )
    return Buffer.concat([...empty, file, Buffer.alloc(1024)])
  })
  const layers = tars.map((tar) => ({
    mediaType: LAYER,
    ...add(gzipSync(tar, { level: isEmpty ? 1 : 0 })),
  }))
  const diffIds = tars.map((tar) => `sha256:${createHash('sha256').update(tar).digest('hex')}`)
  const architecture = { x64: 'amd64' }[process.arch as string] ?? process.arch
  const config = add(
    Buffer.from(
      JSON.stringify({
        architecture,
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: diffIds },
        history: diffIds.map(() => ({ created_by: 'test' })),
      }),
    ),
  )
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, ...config },
    layers,
  }
  return {
    blobs,
    manifest: add(Buffer.from(JSON.stringify(manifest))).digest,
    layers: layers.map(({ digest }) => digest),
  }
}

/** One file of a ustar archive: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
function makeEntry(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write('        0', 148)
  header.write('ustar\u000000', 257)
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([header, content, padding])
}
