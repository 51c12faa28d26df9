// One pull by one client: `node pull.mjs CLIENT '{"endpoint", "reference", "credentials"?}'`. Prints what the promise came to.

const [client, given] = process.argv.slice(2)
const pull = JSON.parse(given)
const colon = pull.reference.indexOf('@') + 1 || pull.reference.lastIndexOf(':') + 1

const PULLS = {
  async shipway({ endpoint, reference, credentials }) {
    const { pullImage } = await import('../../index.mjs')
    const timeouts = { stallMs: 4000 }
    const options = credentials ? { credentials } : {}
    await pullImage(reference, { engine: endpoint, progress: 'quiet', timeouts, ...options })
  },

  async dockerode({ endpoint, reference, credentials }) {
    const { default: Docker } = await import('dockerode')
    const docker = new Docker({ socketPath: new URL(endpoint).pathname })
    const stream = await docker.pull(reference, { authconfig: Object.values(credentials ?? {})[0] })
    await new Promise((resolve, reject) => {
      docker.modem.followProgress(stream, (error) => (error ? reject(error) : resolve()))
    })
  },

  async 'node-sdk'({ endpoint, reference, credentials }) {
    const { DockerClient } = await import('@docker/node-sdk')
    const docker = await DockerClient.fromDockerHost(endpoint)
    await docker
      .imageCreate({
        fromImage: reference.slice(0, colon - 1),
        tag: reference.slice(colon),
        credentials: Object.values(credentials ?? {})[0],
      })
      .wait()
  },

  async testcontainers({ reference }) {
    const { ImageName, getContainerRuntimeClient } = await import('testcontainers')
    const { image } = await getContainerRuntimeClient()
    await image.pull(ImageName.fromString(reference), { force: true })
  },
}

const told = await PULLS[client](pull).then(
  () => ({ resolved: true }),
  (error) => ({
    resolved: false,
    message: String(error?.message ?? error).slice(0, 300),
    code: error?.code,
    type: error?.constructor?.name,
    status: error?.statusCode ?? error?.status,
  }),
)
process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0))
