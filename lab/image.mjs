import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

export const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

// Images have the same digests on every machine when they hold the same files.
const CREATED = '2024-01-01T00:00:00Z'

export const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Describes a blob that is at hand as bytes. */
export function blobOf(mediaType, bytes) {
  return { mediaType, digest: sha256(bytes), size: bytes.length, bytes }
}

const jsonBlob = (mediaType, value) => blobOf(mediaType, Buffer.from(JSON.stringify(value)))

/** Compresses a tar file into `target` and returns the layer: `{mediaType, digest, size, diffId, file}`. */
export async function compressLayer(tar, target) {
  const plain = meter()
  const compressed = meter()
  const gzip = createGzip({ level: 5 })
  await pipeline(createReadStream(tar), plain, gzip, compressed, createWriteStream(target))
  return {
    mediaType: MEDIA_TYPES.layer,
    digest: compressed.digest(),
    size: compressed.size(),
    diffId: plain.digest(),
    file: target,
  }
}

/** Makes one platform's image from its layers; the result is what `pushImage` takes. */
export function makeImage({ architecture, layers, config = {} }) {
  const configBlob = jsonBlob(MEDIA_TYPES.config, {
    created: CREATED,
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(({ createdBy = 'shipway lab' }) => ({
      created: CREATED,
      created_by: createdBy,
    })),
  })
  const manifest = jsonBlob(MEDIA_TYPES.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: descriptor(configBlob),
    layers: layers.map(descriptor),
  })
  return { architecture, blobs: [...layers, configBlob], manifests: [manifest] }
}

/** Joins the images of several platforms under one index. */
export function makeIndex(images) {
  const index = jsonBlob(MEDIA_TYPES.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: images.map(({ architecture, manifests }) => ({
      ...descriptor(manifests[0]),
      platform: { architecture, os: 'linux' },
    })),
  })
  const blobs = new Map(images.flatMap((image) => image.blobs).map((blob) => [blob.digest, blob]))
  return {
    blobs: [...blobs.values()],
    manifests: [...images.flatMap((image) => image.manifests), index],
  }
}

const descriptor = ({ mediaType, digest, size }) => ({ mediaType, digest, size })

function meter() {
  const hash = createHash('sha256')
  let size = 0
  const stream = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk)
      size += chunk.length
      done(null, chunk)
    },
  })
  let digest
  return Object.assign(stream, {
    digest: () => (digest ??= `sha256:${hash.digest('hex')}`),
    size: () => size,
  })
}
