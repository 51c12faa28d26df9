import { type BuildOptions, ShipwayError, buildImage } from '../../index.mjs'
import type { FaultRegistry } from '../../lab/fault-registry.mjs'
import type { Exception, Outcome } from './causes.ts'
import type { Engine } from './engines.ts'

/** Something that is wrong with a build, and what every engine makes of it with either builder. */
export interface BuildCause {
  title: string
  outcome: Outcome
  /** The base image's fault. */
  base?: string
  options?: BuildOptions
  differs?: Omit<Exception, 'engines'> & {
    engines: (engine: Engine, builder: Builder) => boolean
  }
}

export type Builder = 'buildkit' | 'classic'

/** The builders that an engine has. */
export const buildersOf = (engine: Pick<Engine, 'name'>): Builder[] =>
  engine.name.startsWith('podman') ? ['classic'] : ['buildkit', 'classic']

const from = (base: string, outcome: Outcome, title: string): BuildCause => ({
  title: `base image: ${title}`,
  outcome,
  base,
})

const text = (title: string, dockerfileInline: string, outcome: Outcome): BuildCause => ({
  title,
  outcome,
  options: { dockerfileInline },
})

export const BUILD_CAUSES: BuildCause[] = [
  from('name-unknown', 'IMAGE_NOT_FOUND', 'the repository is unknown'),
  from('manifest-unknown', 'IMAGE_NOT_FOUND', 'the tag is unknown'),
  from('denied', 'ACCESS_DENIED', 'the registry denies access'),
  from('basic', 'AUTH_REQUIRED', 'the registry wants a password, and there is none'),
  {
    ...from('token-401', 'AUTH_REQUIRED', 'the token server refuses'),
    differs: {
      engines: ({ store }, builder) => store === 'containerd' && builder === 'classic',
      outcome: 'REGISTRY_ERROR',
      because:
        'the classic builder with the containerd image store passes on the text of the registry, without code and status',
    },
  },
  from('rate-limit', 'RATE_LIMITED', 'the registry limits its rate'),
  from('status-500', 'REGISTRY_ERROR', '500'),
  from('unavailable', 'REGISTRY_ERROR', 'the registry is unavailable'),
  from('html-502', 'REGISTRY_ERROR', '502, a page of HTML'),
  from('no-platform', 'PLATFORM_NOT_FOUND', 'not for the platform'),
  from('refused', 'REGISTRY_UNREACHABLE', 'nothing listens at the registry'),
  from('dns', 'REGISTRY_DNS', 'the name of the registry does not resolve'),
  from('hangs-up', 'REGISTRY_CONNECTION_LOST', 'the registry hangs up'),
  from('tls-unknown-ca', 'REGISTRY_TLS', 'certificate of an unknown authority'),
  text('a COPY of what is not there', 'FROM scratch\nCOPY nothing /\n', 'BUILD_FAILED'),
  text('an unknown instruction', 'FROM scratch\nNONSENSE\n', 'DOCKERFILE_INVALID'),
  text('an empty Dockerfile', '', 'DOCKERFILE_INVALID'),
  text('a base image in upper case', 'FROM UpperCase\nCOPY . /\n', 'DOCKERFILE_INVALID'),
  {
    title: 'a stage that is not there',
    outcome: 'DOCKERFILE_INVALID',
    options: { dockerfileInline: 'FROM scratch\nCOPY . /\n', target: 'nothing' },
  },
  {
    title: 'no Dockerfile',
    outcome: 'DOCKERFILE_INVALID',
    options: { contextFiles: { file: 'x' } },
  },
  {
    title: 'a tag in upper case',
    outcome: 'INVALID_REFERENCE',
    options: { dockerfileInline: 'FROM scratch\nCOPY . /\n', tags: ['Upper/case'] },
  },
]

/** Runs a cause on an engine with a builder. */
export async function runBuildCause(
  engine: Engine,
  registry: FaultRegistry,
  cause: BuildCause,
  builder: Builder,
): Promise<{ outcome: Outcome | 'untyped'; message: string }> {
  const prefix = `build-${builder}/${BUILD_CAUSES.indexOf(cause)}`
  const base = cause.base && registry.reference(cause.base, prefix)
  const inline = base ? { dockerfileInline: `FROM ${base}\nCOPY file /\n` } : {}
  const files = cause.options?.contextFiles ?? { file: 'x' }
  try {
    await buildImage({
      contextFiles: files,
      ...inline,
      ...cause.options,
      engine: engine.endpoint,
      builder,
      noCache: true,
      onProgress() {},
    })
    return { outcome: 'ok', message: '' }
  } catch (error) {
    if (!(error instanceof ShipwayError)) return { outcome: 'untyped', message: String(error) }
    return { outcome: error.code, message: error.message }
  }
}
