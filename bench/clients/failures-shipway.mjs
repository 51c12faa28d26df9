import { buildImage, pullImage } from '../../index.mjs'

export const pull = ({ endpoint: engine, image, credentials }) =>
  pullImage(image, { engine, ...(credentials && { credentials }), progress: 'quiet' })

export const build = ({ endpoint: engine, folder, image }) =>
  buildImage({ engine, contextDirectory: folder, tags: [image], progress: 'quiet' })
