import shipway from './index.js'

export const {
  ShipwayError,
  buildImage,
  checkBuild,
  diagnose,
  ensureImage,
  imageExists,
  inspectImage,
  pullImage,
} = shipway
