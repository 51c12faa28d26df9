// As its examples do: `wait()` of what `imageCreate` and `imageBuild` return.
import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'

import { DockerClient } from '@docker/node-sdk'

export async function pull({ endpoint, image, credentials: logins }) {
  const docker = await connect(endpoint)
  const [login] = Object.entries(logins ?? {})
  const credentials = login && { ...login[1], serveraddress: login[0] }
  await docker.imageCreate({ fromImage: image, credentials }).wait()
}

export async function build({ endpoint, folder, image }) {
  const docker = await connect(endpoint)
  const { stdout } = spawn('tar', ['--create', '--directory', folder, '.'])
  await docker.imageBuild(Readable.toWeb(stdout), { tag: image }).wait()
}

const connect = (endpoint) => DockerClient.fromDockerHost(endpoint.replace('unix://', 'unix:'))
