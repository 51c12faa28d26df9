import { readdirSync } from 'node:fs'

import Docker from 'dockerode'
import { watched } from './watched.mjs'

await watched(async ({ endpoint, folder, tag, noCache }) => {
  const docker = new Docker({ socketPath: new URL(endpoint).pathname })
  const stream = await docker.buildImage(
    { context: folder, src: readdirSync(folder) },
    { version: '2', t: tag, nocache: noCache },
  )
  await new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, messages) => {
      const failed = error ?? messages.find((message) => message.error)
      if (failed) reject(failed instanceof Error ? failed : new Error(failed.error))
      else resolve()
    })
  })
})
