import shipway from './index.js'

export const { ShipwayError, buildImage, imageExists, inspectImage, pullImage } = shipway
