// As its README does: https://github.com/apocas/dockerode/tree/v5.0.1#building-an-image
import { readdirSync } from 'node:fs'

import Docker from 'dockerode'

export async function pull({ endpoint, image, credentials }, tell) {
  const docker = connect(endpoint)
  const [login] = Object.entries(credentials ?? {})
  const options = login && { authconfig: { ...login[1], serveraddress: login[0] } }
  await follow(docker, await docker.pull(image, options), tell)
}

export async function build({ endpoint, folder, image }, tell) {
  const docker = connect(endpoint)
  const context = { context: folder, src: readdirSync(folder) }
  await follow(docker, await docker.buildImage(context, { t: image, version: '2' }), tell)
}

const connect = (endpoint) => new Docker({ socketPath: new URL(endpoint).pathname })

async function follow(docker, stream, tell) {
  const output = await new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output) =>
      error ? reject(error) : resolve(output),
    )
  })
  for (const { error } of output) if (error) tell(error)
}
