import shipway from './index.js'

export const { ShipwayError, buildImage, checkBuild, imageExists, inspectImage, pullImage } =
  shipway
