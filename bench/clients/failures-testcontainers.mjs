// It finds the engine and the logins in the environment. A pull is that of its runtime client, which is what `GenericContainer`
// awaits before it starts a container: the images of the faults hold nothing that would start.
import { GenericContainer, ImageName, getContainerRuntimeClient } from 'testcontainers'

export async function pull({ image }) {
  const client = await getContainerRuntimeClient()
  await client.image.pull(ImageName.fromString(image), { force: true })
}

export const build = ({ folder, image }) =>
  GenericContainer.fromDockerfile(folder).withBuildkit().build(image, { deleteOnExit: false })
