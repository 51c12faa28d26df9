// `npm run demo`: a pull that falls back from Docker Hub to GHCR, and a build of the embedded Dockerfile.
import { bringLabUp } from './engine.mjs'
import { since } from './run.mjs'
import { buildAddon, installPackages, root } from './setup.mjs'

process.chdir(root)
const start = performance.now()
await installPackages()
await buildAddon()
const { buildImage, imageExists, inspectImage, pullImage } = await import('../index.mjs')

const IMAGE = 'docker.io/prizz/opencode-cloud-sandbox:latest'
// What a new installation of Docker is like.
const USUAL = 'docker-28.5-containerd'
const MEBIBYTE = 1024 * 1024
const mebibytes = (bytes) => `${(bytes / MEBIBYTE).toFixed(1)} MiB`
const steps = ({ builder, steps: { total, cached } }) =>
  `by ${builder}, ${total} steps, ${cached} from the cache`
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`
// Bars where a person looks, lines where a log is written.
const progress = 'auto'
const ready = []

const { engine, lab } = await findEngine()
if (lab) await forget(lab)

console.log(`\nIs ${IMAGE} there? ${(await imageExists(IMAGE, { engine })) ? 'yes' : 'no'}\n`)

console.log('Pull it: Docker Hub first, then GHCR.\n')
const pulled = await pullImage(undefined, { engine, progress })
ready.push(['pulled', pulled, `from ${pulled.source}, ${mebibytes(pulled.sizeBytes)} on disk`])
for (const { registry, attempt, code } of pulled.attempts) {
  console.log(`  ${registry}, try ${attempt}: ${code ?? 'served it'}`)
}

console.log('\nBuild it from the embedded Dockerfile.\n')
const build = { engine, ...(lab && buildInLab(lab)) }
const built = await buildImage({ ...build, progress })
ready.push(['built', built, steps(built)])

console.log('\nBuild it again, with nothing changed.\n')
const rebuilt = await buildImage({ ...build, progress: 'quiet' })
ready.push(['rebuilt', rebuilt, steps(rebuilt)])

console.log('\nReady:')
for (const [how, image, detail] of ready) {
  console.log(`  ${how} ${image.reference} in ${seconds(image.durationMs)} (${detail})`)
  console.log(`        ${image.imageId}`)
}
const version = (await inspectImage(IMAGE, { engine }))?.labels['org.opencontainers.image.version']
// The containerd image store knows no labels of an image whose layers it took from another one.
if (version) console.log(`  opencode ${version}`)
console.log(`The whole demo: ${since(start)}`)
if (lab) console.log('The lab is still up: `npm run lab -- down` stops it.')

/** The engine that answers, else one of the lab. */
async function findEngine() {
  try {
    await imageExists(IMAGE)
    return { engine: undefined, lab: null }
  } catch (error) {
    if (process.env.DOCKER_HOST || !['ENGINE_NOT_FOUND', 'ENGINE_UNREACHABLE'].includes(error.code))
      throw error
    const unsupported = await bringLabUp()
    if (unsupported) throw new Error(`${error.message}; and ${unsupported}`, { cause: error })
    const state = await import('../lab/state.mjs')
    const { engines } = state.readLab()
    const lab = { state, engine: engines.find(({ name }) => name === USUAL) ?? engines.at(-1) }
    console.log(`Engine: Docker ${lab.engine.version} of the lab, ${lab.engine.store} image store`)
    return { engine: lab.engine.endpoint, lab }
  }
}

/** A pull shows nothing when everything is there already. */
async function forget({ state, engine }) {
  for (const name of [IMAGE, 'ghcr.io/prizz/opencode-cloud-sandbox:latest']) {
    await state.docker(engine, ['image', 'rm', '--force', name])
  }
}

/** Lab engines have no bridge, and a proxy with a CA of its own may stand before the package registries. */
function buildInLab({ state }) {
  return { network: 'host', opencode: { caCertificates: state.hostCertificates() } }
}
