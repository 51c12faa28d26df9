import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { docker } from './engine.mjs'
import { readJson, writeJson } from './files.mjs'
import { hostCertificates } from './host-certificates.mjs'

const NAME = 'prizz/opencode-cloud-sandbox:latest'
const OPENCODE_IMAGE = `ghcr.io/${NAME}`

const BUILDER = 'docker-20.10'

const dockerfile = (paths) => join(paths.root, 'crates/core/src/opencode/Dockerfile')
const stamp = (paths) => join(paths.images, 'opencode.json')

/** Returns why the opencode image need not or cannot be made now, or null when it has to be. */
export function whyNoOpencodeImage(paths, engineNames) {
  if (!existsSync(dockerfile(paths))) return 'the checkout has no embedded Dockerfile'
  if (readJson(stamp(paths))?.inputs === inputs(paths)) return 'it is up to date'
  if (!engineNames.includes(BUILDER)) return `the engine ${BUILDER} is not up`
  return null
}

/** Returns `{NAME: {registries, digest}}` of the image that was pushed last, or null. */
export const opencodeImage = (paths) => readJson(stamp(paths))?.image ?? null

/** Builds the embedded Dockerfile and pushes it to the registry that answers as ghcr.io. */
export async function makeOpencodeImage(paths, logFile) {
  const before = inputs(paths)
  const context = join(paths.images, 'opencode-context')
  makeContext(paths, context)
  const build = ['build', '--network', 'host', '--tag', OPENCODE_IMAGE, context]
  const buildKit = { DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' }
  await dockerOrThrow(paths, build, { env: buildKit, logFile })
  const pushed = await dockerOrThrow(paths, ['push', OPENCODE_IMAGE], { logFile })
  // A later pull by this engine is a real one only when the engine has none of the layers.
  await dockerOrThrow(paths, ['rmi', OPENCODE_IMAGE], { logFile })
  await dockerOrThrow(paths, ['builder', 'prune', '--all', '--force'], { logFile })
  rmSync(context, { recursive: true })
  const digest = pushed.match(/digest: (sha256:[0-9a-f]{64})/)[1]
  writeJson(stamp(paths), { inputs: before, image: { [NAME]: { registries: ['ghcr'], digest } } })
}

function makeContext(paths, folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'certificates'), { recursive: true })
  cpSync(dockerfile(paths), join(folder, 'Dockerfile'))
  // As in the generated context, so that the folder is never empty.
  writeFileSync(join(folder, 'certificates', 'README'), 'CA certificates, one per file.\n')
  hostCertificates().forEach((pem, index) =>
    writeFileSync(join(folder, 'certificates', `extra-${index + 1}.crt`), pem),
  )
}

function inputs(paths) {
  const hash = createHash('sha256').update(readFileSync(dockerfile(paths)))
  for (const pem of hostCertificates()) hash.update(pem)
  return hash.digest('hex')
}

async function dockerOrThrow(paths, args, options) {
  const { status, stdout, stderr } = await docker(BUILDER, args, { root: paths.root, ...options })
  if (status === 0) return stdout
  const tail = (stderr.trim() || stdout.trim()).split('\n').slice(-12).join('\n')
  throw new Error(
    `\`docker ${args.join(' ')}\` ended with ${status}, see ${options.logFile}:\n${tail}`,
  )
}
