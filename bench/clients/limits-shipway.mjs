import { buildImage, pullImage } from '../../index.mjs'

/** Pulls every image at once, or builds; `tell` is called with the number of events in each batch, and of lines lost. */
export async function work({ endpoint: engine, images, build }, tell) {
  const onProgress = (events) => tell(events.length, lost(events))
  const options = { engine, onProgress, timeouts: { totalMs: null } }
  if (build) return await buildImage({ ...options, ...build, noCache: true })
  return await Promise.all(images.map((image) => pullImage(image, options)))
}

function lost(events) {
  const warning = events.find(({ code }) => code === 'LOG_LINES_DROPPED')
  return warning ? Number.parseInt(warning.message, 10) : 0
}
