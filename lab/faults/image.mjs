import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { blobOf, sha256 } from '../image.mjs'
import { architecture } from '../platform.mjs'

const DOCKER = 'application/vnd.docker.distribution.manifest'
const OCI = 'application/vnd.oci.image'

/** The media types of one image, as Docker and as OCI name them. */
export const SHAPES = {
  docker: {
    index: `${DOCKER}.list.v2+json`,
    manifest: `${DOCKER}.v2+json`,
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
  oci: {
    index: `${OCI}.index.v1+json`,
    manifest: `${OCI}.manifest.v1+json`,
    config: `${OCI}.config.v1+json`,
    layer: `${OCI}.layer.v1.tar+gzip`,
  },
}

// Of another platform than any machine of the lab.
export const OTHER_ARCHITECTURE = 's390x'

const LAYERS = 3
const LAYER_BYTES = 2048

/**
 * Makes an image of three layers with random content, so that no engine has any of it. What is wrong with it is said
 * by `wrong`, any of:
 *
 * - `architecture`: of which it says it is;
 * - `layer(tar)`: the bytes of the last layer, gzip of `tar` by default;
 * - `diffId`: what the configuration says of the last layer;
 * - `config(bytes)`, `configType`: the configuration;
 * - `manifest(value)`: the manifest, changed;
 * - `index(descriptors)`: the manifests that an index lists; there is one where the shape is OCI or `index` is given.
 *
 * The result: `blobs` and `manifests` by digest, `top` (the digest that a tag names), `lastLayer` and `config`.
 */
export function makeImage(shape = 'docker', wrong = {}) {
  const types = SHAPES[shape]
  const cpu = wrong.architecture ?? architecture.docker
  const layers = Array.from({ length: LAYERS }, (_, index) => {
    const tar = tarOf(`faults/${index}.bin`, randomBytes(LAYER_BYTES))
    const isLast = index === LAYERS - 1
    const bytes = isLast && wrong.layer ? wrong.layer(tar) : gzipSync(tar)
    const diffId = isLast && wrong.diffId ? wrong.diffId : sha256(tar)
    return { ...blobOf(types.layer, bytes), diffId }
  })
  const configBytes = json({
    architecture: cpu,
    os: 'linux',
    config: { Cmd: ['/faults/0.bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created_by: 'shipway lab' })),
  })
  const config = blobOf(
    wrong.configType ?? types.config,
    wrong.config ? wrong.config(configBytes) : configBytes,
  )
  const value = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  }
  const changed = wrong.manifest ? wrong.manifest(value) : value
  const manifest = blobOf(changed.mediaType ?? types.manifest, json(changed))
  const manifests = [manifest]
  if (shape === 'oci' || wrong.index) {
    const own = { ...descriptor(manifest), platform: { architecture: cpu, os: 'linux' } }
    const listed = wrong.index ? wrong.index([own]) : [own]
    manifests.push(
      blobOf(types.index, json({ schemaVersion: 2, mediaType: types.index, manifests: listed })),
    )
  }
  return {
    blobs: byDigest([...layers, config]),
    manifests: byDigest(manifests),
    top: manifests.at(-1).digest,
    lastLayer: layers.at(-1).digest,
    config: config.digest,
  }
}

const json = (value) => Buffer.from(JSON.stringify(value))
const descriptor = ({ mediaType, digest, size }) => ({ mediaType, digest, size })
const byDigest = (blobs) => new Map(blobs.map((blob) => [blob.digest, blob]))

/** A ustar archive of one file: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
function tarOf(name, content) {
  const header = Buffer.alloc(512)
  const put = (text, at) => header.write(text, at)
  put(name, 0)
  put('0000644\0', 100)
  put('0000000\0', 108)
  put('0000000\0', 116)
  put(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  put('00000000000\0', 136)
  put('        0', 148)
  put('ustar\u000000', 257)
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  put(`${checksum.toString(8).padStart(6, '0')}\0 `, 148)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)])
}
