import { createCipheriv, createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { blobOf, makeImage, makeIndex, MEDIA_TYPES, sha256 } from './image.mjs'

const KIB = 1024
const MIB = 1024 * KIB
const LAYER_SIZES_BYTES = [
  4 * KIB,
  25 * MIB,
  12 * MIB,
  20 * MIB,
  8 * KIB,
  1 * MIB,
  18 * MIB,
  10 * MIB,
  64 * KIB,
  15 * MIB,
  14 * MIB,
  2 * KIB,
]
const ARCHITECTURES = ['amd64', 'arm64']

/** Makes an image of many layers, large and small, for two platforms that share the layers. */
export function makeLayersImage() {
  const layers = LAYER_SIZES_BYTES.map((sizeBytes, index) =>
    makeLayer(`layers/${String(index + 1).padStart(2, '0')}.bin`, sizeBytes),
  )
  const images = ARCHITECTURES.map((architecture) =>
    makeImage({ architecture, layers, config: { Cmd: ['/layers/01.bin'] } }),
  )
  return { image: makeIndex(images), description: describe(layers, images) }
}

/** Makes an image of one layer of a few kilobytes. */
export function makeTinyImage(architecture) {
  const layers = [makeLayer('tiny.bin', 2 * KIB)]
  return makeImage({ architecture, layers, config: { Cmd: ['/tiny.bin'] } })
}

/** Makes an image whose `count` layers of `sizeBytes` no image of another `name` has. */
export function makeImageOf(name, count, sizeBytes) {
  const layers = Array.from({ length: count }, (_, index) =>
    makeLayer(`${name}-${index + 1}.bin`, sizeBytes),
  )
  return makeImage({ architecture: 'amd64', layers, config: { Cmd: [`/${name}-1.bin`] } })
}

function describe(layers, images) {
  return {
    sizesBytes: layers.map((layer) => layer.size),
    digests: layers.map((layer) => layer.digest),
    diffIds: layers.map((layer) => layer.diffId),
    platforms: ARCHITECTURES.map((architecture) => `linux/${architecture}`),
    indexDigest: makeIndex(images).manifests.at(-1).digest,
    manifestDigests: images.map((image) => image.manifests[0].digest),
  }
}

function makeLayer(name, sizeBytes) {
  const tar = makeTar(name, randomBytes(name, sizeBytes))
  // Stored, not compressed: the content is random, and every version of zlib stores it alike.
  const layer = blobOf(MEDIA_TYPES.layer, gzipSync(tar, { level: 0 }))
  return { ...layer, diffId: sha256(tar), createdBy: `COPY ${name} /${name}` }
}

/** Incompressible bytes that are the same for the same seed. */
function randomBytes(seed, sizeBytes) {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}

function makeTar(name, content) {
  const parent = name.includes('/')
    ? [tarHeader(name.slice(0, name.lastIndexOf('/') + 1), 0, '5', 0o755)]
    : []
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  const end = Buffer.alloc(1024)
  return Buffer.concat([
    ...parent,
    tarHeader(name, content.length, '0', 0o644),
    content,
    padding,
    end,
  ])
}

/** A ustar header: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
function tarHeader(name, sizeBytes, type, mode) {
  const header = Buffer.alloc(512)
  const octal = (value, offset, length) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1')
  header.write(name, 0, 'latin1')
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(sizeBytes, 124, 12)
  octal(0, 136, 12)
  header.fill(' ', 148, 156)
  header.write(type, 156, 'latin1')
  header.write('ustar\u000000', 257, 'latin1')
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}
