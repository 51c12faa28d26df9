import shipway from './index.js'

export const {
  ShipwayError,
  buildImage,
  checkBuild,
  ensureImage,
  imageExists,
  inspectImage,
  pullImage,
} = shipway
