import {
  type ProgressEvent,
  type PullOptions,
  ShipwayError,
  imageExists,
  pullImage,
} from '../../index.mjs'
import { type FaultRegistry, startFaultRegistry } from '../../lab/fault-registry.mjs'
import { type Cause, type Outcome, PULL_CAUSES, isDoneOnce, outcomeFor } from './causes.ts'
import { type Engine, forget, isPodman, lab } from './engines.ts'

/** What came of one pull. */
export interface Settled {
  outcome: Outcome | 'unsettled' | 'untyped'
  message: string
  retryable?: boolean
  /** Tries at the first source, with what each came to. */
  tries: (string | undefined)[]
  /** Registry hosts in the order of the tries, each once. */
  registries: string[]
  /** Phases of the events of tries at the first source. */
  phases: string[]
  /** Requests for the manifest at the first source. */
  manifestRequests: string[]
  source?: string
  /** Whether the image is there afterwards, under the name that was asked for. */
  exists: boolean
}

/** One cause on one engine: alone, and with another source that has the image. */
export interface Cell {
  alone: Settled
  withNext: Settled
}

/** No engine takes longer by itself: 75 s for a hopeless layer, and as long again while it waits for its turn. */
const PATIENCE_MS = 200_000

/** Podman says nothing while it waits 2, 4, 8, 16 and 32 seconds for a registry, and then perhaps once more. */
const patience = (cause: Cause, engine: Engine) => ({
  timeouts: { stallMs: outcomeFor(cause, engine) === 'STALLED' ? 8000 : 120_000 },
})

const RETRY = { attempts: 2, initialDelayMs: 1, maxDelayMs: 1000, jitter: false }

/** Runs every cause on an engine, most of them side by side. */
export async function runCauses(engine: Engine): Promise<Map<Cause, Cell>> {
  const registry = await startFaultRegistry({ caFile: lab?.caFile })
  const cells = new Map<Cause, Cell>()
  const pulled: string[] = []
  const lane = async (queue: Cause[]) => {
    for (let cause = queue.shift(); cause; cause = queue.shift()) {
      cells.set(cause, await runCause(engine, registry, cause, pulled))
    }
  }
  const slow = PULL_CAUSES.filter(({ isSlow }) => isSlow)
  const quick = PULL_CAUSES.filter(({ isSlow }) => !isSlow)
  try {
    // Each slow one takes one of Docker's three downloads: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
    const quickLanes = Array.from({ length: isPodman(engine) ? 10 : 6 }, () => lane(quick))
    await Promise.all([lane(slow), lane(slow), ...quickLanes])
  } finally {
    registry.close()
  }
  // Last: where an image is removed, the containerd image store also removes what a pull has begun to use.
  await forget(engine, ...pulled)
  return cells
}

async function runCause(
  engine: Engine,
  registry: FaultRegistry,
  cause: Cause,
  pulled: string[],
): Promise<Cell> {
  const index = PULL_CAUSES.indexOf(cause)
  const name = (kind: string) => registry.reference(cause.fault, `${kind}/${index}`)
  const host = name('alone').split('/')[0] ?? ''
  const options = {
    ...(cause.engineRepeats && isPodman(engine) && patience(cause, engine)),
    ...cause.options?.(host),
    engine: engine.endpoint,
    retry: RETRY,
  }
  const next = registry.reference('ok', `next/${index}`)
  const withNext = await pullOnce(registry, name('first'), { ...options, fallbacks: [next] })
  // What takes a minute is not done twice.
  const alone = isDoneOnce(cause, engine)
    ? withNext
    : await pullOnce(registry, name('alone'), options)
  pulled.push(name('alone'), name('first'), next)
  return { alone, withNext }
}

async function pullOnce(
  registry: FaultRegistry,
  reference: string,
  options: PullOptions,
): Promise<Settled> {
  const events: ProgressEvent[] = []
  const call = pullImage(reference, {
    ...options,
    onProgress: (batch) => void events.push(...batch),
  })
  const settled = await settle(call)
  const attempts = settled.value?.attempts ?? settled.error?.attempts ?? []
  const own = attempts.filter((attempt) => attempt.reference === reference)
  const manifests = registry.requests(reference).filter(({ path }) => path.includes('/manifests/'))
  return {
    outcome: settled.outcome,
    message: settled.error?.message ?? '',
    ...(settled.error && { retryable: settled.error.retryable }),
    tries: own.map(({ code }) => code),
    registries: [...new Set(attempts.map(({ reference }) => reference))],
    phases: events.flatMap((event) =>
      event.type === 'attempt' && event.reference === reference ? [event.phase] : [],
    ),
    manifestRequests: manifests.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`),
    ...(settled.value && { source: settled.value.source }),
    exists: await imageExists(reference, { engine: String(options.engine) }),
  }
}

async function settle<T>(call: Promise<T>) {
  const timer = new AbortController()
  const late = new Promise<'late'>((resolve) => {
    const timeout = setTimeout(() => resolve('late'), PATIENCE_MS)
    timer.signal.addEventListener('abort', () => clearTimeout(timeout))
  })
  try {
    const value = await Promise.race([call, late])
    if (value === 'late') return { outcome: 'unsettled' as const }
    return { outcome: 'ok' as const, value }
  } catch (error) {
    if (!(error instanceof ShipwayError)) return { outcome: 'untyped' as const }
    return { outcome: error.code, error }
  } finally {
    timer.abort()
  }
}
