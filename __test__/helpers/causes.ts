import type { ErrorCode, PullOptions } from '../../index.mjs'
import { USER } from '../../lab/fault-registry.mjs'
import { type Engine, isPodman } from './engines.ts'

/** What a pull comes to: an image, or the code of its failure. */
export type Outcome = ErrorCode | 'ok'

/** An engine that says something else of a cause than the others, and why nothing can be done about it. */
export interface Exception {
  engines: (engine: Engine) => boolean
  outcome: Outcome
  because: string
}

/** One thing that goes wrong, and what a pull makes of it on every engine. */
export interface Cause {
  title: string
  /** Repository of the fault registry. */
  fault: string
  outcome: Outcome
  differs?: Exception
  options?: (host: string) => PullOptions
  /** It occupies one of the engine's three downloads for long. */
  isSlow?: true
  /** The engine tries it for a minute before it gives up. */
  engineRetries?: true
  /** The other source is asked for the same digest. */
  isPinned?: true
  /** It is tried once more, without the credentials. */
  isAskedAnonymously?: true
  /** The engine repeats requests by itself, Podman for more than a minute without a word. */
  engineRepeats?: true
}

const isContainerd = ({ store }: Engine) => store === 'containerd'
const isGraph = ({ store }: Engine) => store === 'graphdriver'

/** Long enough for an engine that is busy, short enough for a test. */
const STALL_MS = 8000
const stalls = () => ({ timeouts: { stallMs: STALL_MS } })

const named = (fault: string, title: string, outcome: Outcome, more: Partial<Cause> = {}) => ({
  title,
  fault,
  outcome,
  ...more,
})

const of = (status: number, outcome: Outcome, more: Partial<Cause> = {}): Cause[] => [
  named(`status-${status}`, `manifest: ${status}`, outcome, more),
  named(`html-${status}`, `manifest: ${status}, a page of HTML`, outcome, more),
]

const another: Exception = {
  engines: ({ name }) => name === 'podman-5.4',
  outcome: 'DIGEST_MISMATCH',
  because: 'Podman 5.4 sees first that it is not what the configuration promises',
}

/** Causes of failed pulls, and faults that a pull survives. */
export const PULL_CAUSES: Cause[] = [
  named('ok', 'nothing is wrong (Docker schema 2)', 'ok'),
  named('ok-oci', 'nothing is wrong (OCI index)', 'ok'),
  named('ok-slow', 'a layer comes one byte at a time', 'ok'),

  named('name-unknown', 'the repository is unknown', 'IMAGE_NOT_FOUND'),
  named('manifest-unknown', 'the tag is unknown', 'IMAGE_NOT_FOUND'),
  named('digest-unknown', 'the digest is unknown', 'IMAGE_NOT_FOUND', { isPinned: true }),
  named('plain-404', 'manifest: 404 of a server that is no registry', 'IMAGE_NOT_FOUND'),
  named('denied', 'the registry denies access', 'ACCESS_DENIED'),
  named('denied-401', 'the registry denies access with 401', 'AUTH_REQUIRED', {
    differs: {
      engines: (engine) => isGraph(engine) || isPodman(engine),
      outcome: 'ACCESS_DENIED',
      because:
        'graph drivers and Podman pass on the word of the registry, `denied`, without its status',
    },
  }),
  named('unauthorized', 'the registry wants a login that it does not describe', 'AUTH_REQUIRED'),
  named('basic', 'the registry wants a password, and there is none', 'AUTH_REQUIRED'),
  named('basic', 'the registry wants another password', 'AUTH_REQUIRED', {
    isAskedAnonymously: true,
    options: (host) => ({ credentials: { [host]: { ...USER, password: 'wrong' } } }),
    engineRepeats: true,
  }),
  named('basic', 'the registry gets its password', 'ok', {
    options: (host) => ({ credentials: { [host]: USER } }),
  }),
  named('rate-limit', 'the registry limits its rate', 'RATE_LIMITED', {
    engineRepeats: true,
    differs: {
      engines: isPodman,
      outcome: 'STALLED',
      because: 'Podman asks again for minutes without a word, until `stallMs` is over',
    },
  }),
  named(
    'rate-limit-retry-after',
    'the registry limits its rate, with Retry-After',
    'RATE_LIMITED',
    {
      engineRepeats: true,
    },
  ),
  named('unavailable', 'the registry is unavailable', 'REGISTRY_ERROR'),
  named(
    'unavailable-retry-after',
    'the registry is unavailable, with Retry-After',
    'REGISTRY_ERROR',
  ),

  ...of(400, 'REGISTRY_ERROR'),
  ...of(401, 'AUTH_REQUIRED'),
  ...of(403, 'ACCESS_DENIED'),
  ...of(404, 'IMAGE_NOT_FOUND'),
  ...of(405, 'REGISTRY_ERROR'),
  ...of(408, 'REGISTRY_ERROR'),
  ...of(410, 'REGISTRY_ERROR'),
  ...of(429, 'RATE_LIMITED', { engineRepeats: true }),
  ...of(451, 'REGISTRY_ERROR'),
  ...of(500, 'REGISTRY_ERROR'),
  ...of(501, 'REGISTRY_ERROR'),
  ...of(502, 'REGISTRY_ERROR'),
  ...of(503, 'REGISTRY_ERROR'),
  ...of(504, 'REGISTRY_ERROR'),
  ...of(522, 'REGISTRY_ERROR'),
  named('status-429-1', 'manifest: 429, once', 'ok'),
  named('status-503-2', 'manifest: 503, twice', 'ok', {
    differs: {
      engines: isPodman,
      outcome: 'REGISTRY_ERROR',
      because: 'Podman asks once for each of the two tries',
    },
  }),

  named('manifest-reset', 'manifest: the connection is reset', 'REGISTRY_CONNECTION_LOST'),
  named('manifest-reset-1', 'manifest: the connection is reset, once', 'ok'),
  named('manifest-truncated', 'manifest: it ends in the middle', 'REGISTRY_CONNECTION_LOST'),
  named('manifest-stall', 'manifest: it stops in the middle', 'STALLED', { options: stalls }),
  named('manifest-empty', 'manifest: empty', 'REGISTRY_ERROR'),
  named('manifest-json', 'manifest: half of the JSON', 'REGISTRY_ERROR'),
  named('manifest-html', 'manifest: 200, a page of HTML', 'REGISTRY_ERROR'),
  named('manifest-redirect-loop', 'manifest: a redirect to itself', 'REGISTRY_ERROR'),
  named('manifest-digest', 'manifest: not what its digest promises', 'DIGEST_MISMATCH'),

  named('helm', 'a Helm chart', 'UNSUPPORTED_IMAGE'),
  named('artifact', 'an OCI artifact', 'UNSUPPORTED_IMAGE'),
  named('config-type', 'a configuration of an unknown type', 'UNSUPPORTED_IMAGE', {
    differs: { engines: isPodman, outcome: 'ok', because: 'Podman takes it for an image' },
  }),
  named('schema1', 'a manifest of schema 1', 'UNSUPPORTED_IMAGE', {
    differs: {
      engines: (engine) => engine.name === 'docker-20.10' || isPodman(engine),
      outcome: 'ok',
      because: 'Docker 20.10 and Podman still take them',
    },
  }),
  named('no-platform', 'an index without the platform', 'PLATFORM_NOT_FOUND'),
  named('other-platform', 'a manifest of another platform', 'ok'),

  named('layer-404', 'layer: unknown', 'IMAGE_NOT_FOUND'),
  named('layer-429', 'layer: the registry limits its rate', 'RATE_LIMITED', {
    engineRepeats: true,
  }),
  named('layer-429-terse', 'layer: 429 whose text does not say so', 'RATE_LIMITED', {
    engineRepeats: true,
    differs: {
      engines: isContainerd,
      outcome: 'REGISTRY_ERROR',
      because:
        'the containerd image store passes on the text of the registry, without code and status',
    },
  }),
  named('layer-500', 'layer: 500', 'REGISTRY_ERROR', { isSlow: true, engineRetries: true }),
  named('layer-500-1', 'layer: 500, once', 'ok'),
  named('layer-reset', 'layer: the connection is reset', 'REGISTRY_CONNECTION_LOST', {
    isSlow: true,
    engineRetries: true,
  }),
  named('layer-reset-1', 'layer: the connection is reset, once', 'ok'),
  named('layer-truncated', 'layer: it ends in the middle', 'REGISTRY_CONNECTION_LOST', {
    isSlow: true,
    engineRetries: true,
  }),
  named('layer-truncated-1', 'layer: it ends in the middle, once', 'ok'),
  named('layer-stall', 'layer: it stops in the middle', 'STALLED', {
    options: stalls,
    isSlow: true,
  }),
  named('layer-html', 'layer: 200, a page of HTML', 'DIGEST_MISMATCH', {
    differs: {
      engines: isContainerd,
      outcome: 'REGISTRY_CONNECTION_LOST',
      because: 'the containerd image store misses bytes before it looks at the digest',
    },
  }),
  named('layer-digest', 'layer: not what its digest promises', 'DIGEST_MISMATCH'),
  named('layer-diff-id', 'layer: not what the configuration promises', 'DIGEST_MISMATCH', {
    differs: {
      engines: ({ name }) => name === 'podman-4.3',
      outcome: 'ok',
      because: 'Podman 4.3 compares what the manifest promises alone',
    },
  }),
  named('layer-gzip', 'layer: neither gzip nor tar', 'UNSUPPORTED_IMAGE', { differs: another }),
  named('layer-tar', 'layer: gzip of what is no tar', 'UNSUPPORTED_IMAGE', { differs: another }),
  named('layer-redirect-dns', 'layer: redirected to a name that does not resolve', 'REGISTRY_DNS', {
    isSlow: true,
    engineRetries: true,
  }),
  named('config-404', 'configuration: unknown', 'IMAGE_NOT_FOUND'),
  named('config-digest', 'configuration: not what its digest promises', 'DIGEST_MISMATCH'),
  named('config-json', 'configuration: half of the JSON', 'REGISTRY_ERROR'),

  named('token-ok', 'the token server gives a token', 'ok'),
  named('token-401', 'token server: 401', 'AUTH_REQUIRED'),
  named('token-403', 'token server: 403', 'ACCESS_DENIED'),
  named('token-404', 'token server: 404', 'IMAGE_NOT_FOUND'),
  named('token-429', 'token server: limits its rate', 'RATE_LIMITED', { engineRepeats: true }),
  named('token-500', 'token server: 500', 'REGISTRY_ERROR'),
  named('token-503', 'token server: 503, a page of HTML', 'REGISTRY_ERROR'),
  named('token-html', 'token server: 200, a page of HTML', 'REGISTRY_ERROR'),
  named('token-json', 'token server: no token in its answer', 'REGISTRY_ERROR', {
    differs: {
      engines: isPodman,
      outcome: 'AUTH_REQUIRED',
      because: 'Podman asks the registry all the same, which refuses it',
    },
  }),
  named('token-reset', 'token server: the connection is reset', 'REGISTRY_CONNECTION_LOST'),
  named('token-stall', 'token server: stops in the middle', 'STALLED', { options: stalls }),
  named('token-refused', 'token server: nothing listens', 'REGISTRY_UNREACHABLE'),
  named('token-dns', 'token server: its name does not resolve', 'REGISTRY_DNS'),

  named('refused', 'nothing listens at the registry', 'REGISTRY_UNREACHABLE'),
  named('dns', 'the name of the registry does not resolve', 'REGISTRY_DNS'),
  named('silent', 'the registry accepts, and says nothing', 'STALLED', { options: stalls }),
  named('hangs-up', 'the registry accepts, and hangs up', 'REGISTRY_CONNECTION_LOST'),
  named('not-http', 'what answers does not speak HTTP', 'REGISTRY_ERROR', {
    differs: {
      engines: isContainerd,
      outcome: 'REGISTRY_TLS',
      because:
        'the containerd image store tries TLS alone, and goes no further where that is garbage',
    },
  }),
  named('tls-not-http', 'what answers does not speak TLS', 'REGISTRY_TLS'),
  named('tls-plain-http', 'HTTP where TLS is wanted', 'REGISTRY_TLS'),
  named('tls-unknown-ca', 'certificate: of an unknown authority', 'REGISTRY_TLS'),
  named('tls-expired', 'certificate: expired', 'REGISTRY_TLS'),
  named('tls-wrong-name', 'certificate: of another name', 'REGISTRY_TLS'),
  named('tls-old-version', 'TLS 1.0', 'REGISTRY_TLS'),
]

export const outcomeFor = (cause: Pick<Cause, 'outcome' | 'differs'>, engine: Engine): Outcome =>
  cause.differs?.engines(engine) ? cause.differs.outcome : cause.outcome

/** Whether a cause takes an engine a minute, and is tried with another source alone. */
export const isDoneOnce = (cause: Cause, engine: Engine) =>
  (cause.engineRetries ?? false) || (isPodman(engine) && (cause.engineRepeats ?? false))

/** Tries at one source out of two, by code; the rules are those of the README. */
export function triesFor(cause: Cause, engine: Engine): number {
  const outcome = outcomeFor(cause, engine)
  if (outcome === 'ok') return 1
  // What the engine has tried for a minute counts as two.
  if (cause.engineRetries && isGraph(engine)) return 1
  if (cause.isAskedAnonymously) return 2
  return RETRIED.has(outcome) ? 2 : 1
}

const RETRIED = new Set<Outcome>([
  'REGISTRY_UNREACHABLE',
  'REGISTRY_DNS',
  'REGISTRY_ERROR',
  'REGISTRY_CONNECTION_LOST',
  'TIMEOUT',
  'STALLED',
])

/** Whether the same source may do better later. */
export const isRetryable = (outcome: Outcome) => RETRIED.has(outcome) || outcome === 'RATE_LIMITED'

/** Failures that no other source may cure. */
export const FINAL = new Set<Outcome>(['REGISTRY_TLS', 'DIGEST_MISMATCH'])
