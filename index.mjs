import shipway from './index.js'

export const {
  ShipwayError,
  buildImage,
  checkBuild,
  diagnose,
  imageExists,
  inspectImage,
  pullImage,
} = shipway
