// Checked by `tsc`, never run: what must not compile says so with `@ts-expect-error`.
import {
  type Attempt,
  type BuildCheck,
  type BuildOptions,
  type BuildOutput,
  type BuildResult,
  type BuiltImage,
  type CacheSource,
  type CacheTarget,
  type CheckWarning,
  type DiagnoseOptions,
  type Diagnosis,
  type EnsureBuildOptions,
  type ErrorCode,
  type ImageDetails,
  type InspectOptions,
  type ProgressEvent,
  type PullOptions,
  type PulledImage,
  type ReadyImage,
  type SecretSource,
  ShipwayError,
  type Timeouts,
  type Warning,
  buildImage,
  checkBuild,
  diagnose,
  ensureImage,
  imageExists,
  inspectImage,
  pullImage,
} from '../index.mjs'
import type * as native from '../native.js'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function is<_T extends true>() {}

// Every call can be made with nothing.
is<Equal<ReturnType<typeof pullImage>, Promise<PulledImage>>>()
is<Equal<ReturnType<typeof imageExists>, Promise<boolean>>>()
is<Equal<ReturnType<typeof inspectImage>, Promise<ImageDetails | null>>>()
is<Equal<ReturnType<typeof ensureImage>, Promise<ReadyImage>>>()
void pullImage()
void ensureImage()
void buildImage()
void imageExists(undefined, {})

// A build without outputs is an image; with outputs it need not be.
const image = () => buildImage({ tags: ['a'] })
is<Equal<ReturnType<typeof image>, Promise<BuiltImage>>>()
is<Equal<BuiltImage['imageId'], string>>()
const files = () => buildImage({ outputs: [{ type: 'local', directory: 'out' }] })
is<Equal<ReturnType<typeof files>, Promise<BuildResult>>>()
is<Equal<BuildResult['imageId'], string | undefined>>()

// What became ready is told apart by `origin`; its build says nothing of the whole call.
const ready = {} as ReadyImage
is<Equal<ReadyImage['imageId'], string>>()
if (ready.origin === 'built') is<Equal<typeof ready.builder, 'buildkit' | 'classic'>>()
void ensureImage('a', { policy: 'newer', build: { contextDirectory: '.' } })
// @ts-expect-error: the image has the name that was asked for
const built: EnsureBuildOptions = { tags: ['a'] }
void built

// Outputs and caches are told apart by `type`.
void buildImage({
  outputs: [{ type: 'image', push: true }, { type: 'oci', file: 'a' }, { type: 'cacheonly' }],
  cacheFrom: [{ type: 'registry', reference: 'a', attributes: { mode: 'max' } }],
  cacheTo: [{ type: 'local', directory: 'a' }, { type: 'inline' }],
  contextArchive: 'context.tar',
  contexts: { lib: '../lib' },
})
// @ts-expect-error: an archive is a file
void buildImage({ outputs: [{ type: 'tar', directory: 'a' }] })
// @ts-expect-error: a folder is named
void buildImage({ outputs: [{ type: 'local' }] })
// @ts-expect-error: a registry always gets the image
void buildImage({ outputs: [{ type: 'registry', push: false }] })
// @ts-expect-error: a cache in an image is taken from its registry
void buildImage({ cacheFrom: [{ type: 'inline' }] })

// Options are literal and closed.
void pullImage('a', { fallbacks: ['b'], platform: 'linux/arm64', timeouts: { stallMs: null } })
void pullImage('a', { onProgress: async () => {} })
// @ts-expect-error: an unknown option
void pullImage('a', { fallback: [] })
// @ts-expect-error: an option of another call
void pullImage('a', { tags: ['b'] })
// @ts-expect-error: another display
void buildImage({ progress: 'loud' })
// @ts-expect-error: a connection has a limit
void buildImage({ timeouts: { connectMs: null } })
// @ts-expect-error: the options are the second argument
void pullImage({ fallbacks: ['b'] })

// Credentials are of one kind.
void pullImage('a', { credentials: { 'ghcr.io': { username: 'ada', password: 'p' } } })
void buildImage({ credentials: { a: { identityToken: 't' }, b: { registryToken: 't' } } })
// @ts-expect-error: a password without its user
void buildImage({ credentials: { a: { password: 'p' } } })
// @ts-expect-error: two kinds at once
void buildImage({ credentials: { a: { username: 'ada', password: 'p', identityToken: 't' } } })
// @ts-expect-error: a look-up asks no registry
void inspectImage('a', { credentials: {} })
void buildImage({ contextUrl: 'https://host/repository.git#branch:folder' })
// @ts-expect-error: a URL is a text
void buildImage({ contextUrl: new URL('https://host/context.tar.gz') })

// What a build can be told.
void buildImage({
  builder: 'buildkit',
  contextFiles: { Dockerfile: 'FROM scratch', 'a/b': new Uint8Array(2) },
  dockerfile: 'Dockerfile',
  platforms: ['linux/amd64', 'linux/arm64'],
  noCacheFilter: ['build'],
  secrets: { a: { file: 'a' }, b: { environment: 'B' }, c: { value: 'c' } },
  ssh: { default: true, deploy: '/run/agent.sock' },
  ulimits: { nofile: 1024, nproc: { soft: 1, hard: -1 } },
  attestations: { provenance: 'max', sbom: { generator: 'a' } },
  allow: ['network.host'],
  sourceDateEpoch: 0,
})
// @ts-expect-error: a secret has one source
void buildImage({ secrets: { a: 'text' } satisfies Record<string, SecretSource> })
// @ts-expect-error: an agent is a socket or the usual one
void buildImage({ ssh: { default: false } })
// @ts-expect-error: a limit has both ends
void buildImage({ ulimits: { nofile: { soft: 1 } } })
// @ts-expect-error: no such builder
void buildImage({ builder: 'docker' })
// @ts-expect-error: no such provenance
void buildImage({ attestations: { provenance: 'all' } })
// @ts-expect-error: a time is a number of seconds
void buildImage({ sourceDateEpoch: new Date() })

// A check takes the options of a build.
is<Equal<ReturnType<typeof checkBuild>, Promise<BuildCheck>>>()
is<Equal<BuildCheck['warnings'], CheckWarning[]>>()
void checkBuild({ contextDirectory: '.', buildArgs: { A: '1' }, target: 'build' })

// A diagnosis says what it knows, and that there is no engine without throwing.
is<Equal<ReturnType<typeof diagnose>, Promise<Diagnosis>>>()
void diagnose({ engine: 'prod', images: ['acme/app:1.4'], timeouts: { connectMs: 1000 } })
// @ts-expect-error: nothing is pulled
void diagnose({ fallbacks: [] })
export function summary({ engine, problem, findings }: Diagnosis): string {
  // @ts-expect-error: there may be none
  void engine.version
  const first = findings.find(({ severity }) => severity === 'error')
  return engine ? `${engine.name} ${engine.version ?? ''}` : (problem?.code ?? first?.message ?? '')
}

// One set of options serves several calls.
const shared = { engine: 'unix:///x', progress: 'plain' } as const
void pullImage('a', shared)
void buildImage(shared)
void imageExists('a', shared)
void diagnose(shared)

// Events are told apart by `type`, attempts by `phase`.
export function title(event: ProgressEvent): string {
  switch (event.type) {
    case 'attempt':
      if (event.phase === 'starting') return `${event.registry} ${event.attempt}/${event.attempts}`
      if (event.phase === 'retrying') return `${event.code} ${event.delayMs.toFixed()}`
      return `${event.phase}: ${event.code}: ${event.message}`
    case 'layer':
      return `${event.id} ${event.state} ${event.currentBytes ?? 0}/${event.totalBytes ?? '?'}`
    case 'total':
      return `${event.layersDone}/${event.layersTotal} ${event.etaMs ?? ''}`
    case 'context':
      return `${event.filesSent} ${event.done}`
    case 'step':
      return `${event.platform ?? ''} ${event.stage ?? ''} ${event.index ?? ''} ${event.name} ${event.state}`
    case 'log':
      return event.text
    case 'status':
      return `${event.step ?? ''} ${event.message}`
    case 'warning':
      return `${event.code} ${event.startLine ?? ''}`
    default:
      return event satisfies never
  }
}

export function codeOf(event: ProgressEvent): ErrorCode | undefined {
  if (event.type !== 'attempt' || event.phase !== 'starting') return undefined
  // @ts-expect-error: a beginning has no code
  return event.code
}

// Errors are told apart by `code`.
export function advice(error: unknown): string | undefined {
  if (!(error instanceof ShipwayError)) return undefined
  is<Equal<typeof error.code, ErrorCode>>()
  // @ts-expect-error: no such code
  if (error.code === 'NOT_FOUND') return 'never'
  return error.code === 'BUILD_FAILED' ? error.logTail?.join('\n') : error.hint
}
export function place({ dockerfile }: ShipwayError): string | undefined {
  // @ts-expect-error: it may say nothing of a Dockerfile
  void dockerfile.startLine
  return dockerfile && (dockerfile.excerpt ?? `${dockerfile.startLine}-${dockerfile.endLine}`)
}
// @ts-expect-error: only the package makes them
void new ShipwayError('x', {})

// The binding gives what is promised here, and takes what is accepted here.
type Keys<T> = keyof T
is<Equal<Keys<native.PulledImage>, Keys<PulledImage>>>()
is<Equal<Keys<native.BuiltImage>, Keys<BuiltImage>>>()
is<Equal<Keys<native.ImageDetails>, Keys<ImageDetails>>>()
is<Equal<native.CheckWarning, CheckWarning>>()
is<Equal<Keys<native.Attempt>, Keys<Attempt>>>()
is<Equal<native.Warning, Warning>>()
is<
  Equal<
    Exclude<Keys<native.Failure>, 'causes'>,
    Exclude<Keys<ShipwayError>, keyof Error> | 'message'
  >
>()
is<Equal<native.DockerfilePlace, NonNullable<ShipwayError['dockerfile']>>>()
type OfTheFace = 'signal' | 'onProgress' | 'progress'
is<Equal<Exclude<Keys<native.PullOptions>, 'display'>, Exclude<Keys<PullOptions>, OfTheFace>>>()
is<
  Equal<
    Exclude<Keys<native.BuildOptions>, 'display'>,
    Exclude<Keys<BuildOptions>, OfTheFace | 'retry'>
  >
>()
is<Equal<Keys<native.InspectOptions>, Exclude<Keys<InspectOptions>, OfTheFace | 'retry'>>>()
is<
  Equal<
    Exclude<Keys<native.DiagnoseOptions>, 'node'>,
    Exclude<Keys<DiagnoseOptions>, OfTheFace | 'retry' | 'platform'>
  >
>()
is<Equal<Keys<native.TimeoutOptions>, Keys<Timeouts>>>()
type AnyKey<T> = T extends T ? keyof T : never
is<Equal<Keys<native.OutputOptions>, AnyKey<BuildOutput>>>()
is<Equal<native.OutputOptions['type'], BuildOutput['type']>>()
is<Equal<Keys<native.CacheOptions>, AnyKey<CacheSource | CacheTarget>>>()
is<Equal<native.CacheOptions['type'], (CacheSource | CacheTarget)['type']>>()
