import { Readable } from 'node:stream'

import Docker from 'dockerode'

/** An empty archive: what is built is scripted. */
const NOTHING = Buffer.alloc(1024)

/** The same with dockerode: nothing is retried, proven or conflated. */
export async function work({ endpoint, images, build }, tell) {
  const docker = new Docker({ socketPath: new URL(endpoint).pathname })
  const follow = (stream) =>
    new Promise((resolve, reject) => {
      const done = (error, messages) => {
        const failed = error ?? messages.find((message) => message.error)
        if (failed) reject(failed instanceof Error ? failed : new Error(failed.error))
        else resolve()
      }
      docker.modem.followProgress(stream, done, () => tell(1))
    })
  if (build) return await follow(await docker.buildImage(Readable.from([NOTHING]), { t: 'a' }))
  return await Promise.all(images.map(async (image) => follow(await docker.pull(image))))
}
