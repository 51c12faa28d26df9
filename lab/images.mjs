import { join } from 'node:path'
import { makeDebianImage, makeNodeImage } from './base-images.mjs'
import { readJson, writeJson } from './files.mjs'
import { makeLayersImage, makeTinyImage } from './layers-image.mjs'
import { architecture } from './platform.mjs'
import { openRegistry, pushImage } from './registry-client.mjs'
import { all } from './run.mjs'
import { step } from './steps.mjs'

const DEBIAN = 'library/debian:bookworm-slim'
const NODE = 'library/node:22-bookworm-slim'
const LAYERS = 'shipway/layers:1'
const TINY = 'shipway/tiny:1'

/** Makes the lab's images and pushes them to registries, save those that an earlier `up` did. */
export async function makeImages(paths) {
  await all([makeTestImages(paths), makeBaseImages(paths)])
}

async function makeTestImages(paths) {
  await publish(paths, LAYERS, ['dockerHub', 'ghcr', 'plain'], () => {
    const { image, description } = makeLayersImage()
    return { image, description: { layers: description } }
  })
  await publish(paths, TINY, ['dockerHub', 'plain'], () => ({
    image: makeTinyImage(architecture.docker),
  }))
}

async function makeBaseImages(paths) {
  const makeDebian = async () => ({ image: await makeDebianImage(paths) })
  await publish(paths, DEBIAN, ['dockerHub'], makeDebian, { slow: 'about half a minute' })
  await publish(paths, NODE, ['dockerHub'], async () => {
    const { image, versions } = await makeNodeImage(paths, await makeDebianImage(paths))
    return { image, description: { versions } }
  })
}

async function publish(paths, name, keys, make, options) {
  if (published(paths, name)) return
  const work = async () => {
    const { image, description } = await make()
    const [repository, tag] = name.split(':')
    for (const key of keys) await pushImage(openRegistry(paths, key), repository, tag, image)
    const { digest } = image.manifests.at(-1)
    writeJson(publishedFile(paths, name), { registries: keys, digest, ...description })
  }
  await step(`image ${name}`, work, options)
}

/** Describes the images for the lab's state file. */
export function describeImages(paths) {
  const images = [DEBIAN, NODE, LAYERS, TINY].map((name) => {
    const { registries, digest } = published(paths, name)
    return [name, { registries, digest }]
  })
  return {
    images: Object.fromEntries(images),
    nodeImageVersion: published(paths, NODE).versions.node,
    layers: published(paths, LAYERS).layers,
  }
}

const publishedFile = (paths, name) =>
  join(paths.images, 'published', `${name.replaceAll(/[/:]/g, '-')}.json`)

const published = (paths, name) => readJson(publishedFile(paths, name))
