/**
 * Pulls an image from the first of its sources that has it. Resolves once the engine has the image under the name that
 * was asked for, so that {@link imageExists} of the same name is true.
 *
 * @param image Reference such as `ghcr.io/acme/app:1.4`; without a registry it is on Docker Hub, without a tag it is
 * `latest`. Default: `docker.io/prizz/opencode-cloud-sandbox:latest`, which falls back to `ghcr.io`.
 * @param options Everything else.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function pullImage(image?: string, options?: PullOptions): Promise<PulledImage>

/**
 * Builds an image: the embedded Dockerfile of the opencode image, a folder, or the text of a Dockerfile. Resolves once
 * the engine has the image under every tag that was asked for.
 *
 * @param options What to build, and how. Default: the opencode image.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function buildImage(options?: BuildOptions): Promise<BuiltImage>

/**
 * Tells whether an image is there. Only the engine's "not found" is `false`: every other failure rejects.
 *
 * @param image Reference, digest or ID of a local image. Default: `docker.io/prizz/opencode-cloud-sandbox:latest`.
 * @param options Everything else. With `platform`, an image of another platform is not there.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function imageExists(image?: string, options?: InspectOptions): Promise<boolean>

/**
 * Looks up a local image; `null` when it is not there.
 *
 * @param image Reference, digest or ID of a local image. Default: `docker.io/prizz/opencode-cloud-sandbox:latest`.
 * @param options Everything else. With `platform`, an image of another platform is not there.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function inspectImage(
  image?: string,
  options?: InspectOptions,
): Promise<ImageDetails | null>

/**
 * Options that every call takes. An option that is unknown, of the wrong type, out of range or in contradiction to
 * another rejects with `INVALID_OPTION` before anything is sent. `undefined` counts as absent.
 */
export interface CommonOptions {
  /**
   * Endpoint of the engine: `unix:///path`, `npipe:////./pipe/name` or `tcp://host:port`.
   *
   * @default `DOCKER_HOST`, then the engine's usual place on this system
   */
  engine?: string | undefined
  /** Gives the call up. It rejects with the signal's own reason, and the engine stops working for it. */
  signal?: AbortSignal | undefined
  /**
   * Is told what happens, in order: at once, then at most every 50 ms, at most 256 events at a time. The next batch comes
   * when this function has returned and its promise, where it returns one, has settled; meanwhile byte counts are
   * conflated to the newest, and beyond 10,000 waiting lines of log the oldest are dropped (the event `warning` with
   * `LOG_LINES_DROPPED` says how many). The call settles after the last batch, but waits no longer than 5 s for its
   * promise. Never called once the call has settled. When it throws or rejects, the work is cancelled and the call
   * rejects with `LISTENER_FAILED`.
   */
  onProgress?: ((events: ProgressEvent[]) => void | PromiseLike<void>) | undefined
  /**
   * What is shown on standard error: `tty` draws bars, `plain` writes a line for each change, `json` writes each event as
   * a line of JSON, `quiet` shows nothing. `auto` is `tty` on a terminal and `plain` elsewhere; `tty` is `plain` where
   * there is no terminal.
   *
   * @default `auto` without `onProgress` on a terminal, else `quiet`
   */
  progress?: 'auto' | 'tty' | 'plain' | 'json' | 'quiet' | undefined
  /** How long the call may wait, and for what. */
  timeouts?: Timeouts | undefined
  /** How often, and with which waits, a source is asked. Only pulls repeat anything. */
  retry?: RetryOptions | undefined
  /**
   * Platform as `os/architecture[/variant]`, such as `linux/arm64`.
   *
   * @default the engine's own
   */
  platform?: string | undefined
}

/** Time limits in milliseconds, from 1 to 2,147,483,647. `Infinity` and `null` are no limit. */
export interface Timeouts {
  /**
   * Longest wait for a connection to the engine.
   *
   * @default 10000
   */
  connectMs?: number | undefined
  /**
   * Longest time in which nothing moves; the code is `STALLED`. While a build runs its steps, silence is allowed: only
   * the transfer of the context counts.
   *
   * @default 60000
   */
  stallMs?: number | null | undefined
  /**
   * Longest time for the whole call from the engine's first answer, waits between tries included; the code is
   * `DEADLINE`.
   *
   * @default no limit for a pull or a look-up, 600000 for a build
   */
  totalMs?: number | null | undefined
}

/** Tries and waits at one source. Which failures are worth another try depends on their code. */
export interface RetryOptions {
  /**
   * Tries at one source, the first included; from 1 to 100.
   *
   * @default 3
   */
  attempts?: number | undefined
  /**
   * Wait after the first failed try, in milliseconds; doubled after each further one.
   *
   * @default 1000
   */
  initialDelayMs?: number | undefined
  /**
   * Longest wait, in milliseconds.
   *
   * @default 30000, or `initialDelayMs` where that is longer
   */
  maxDelayMs?: number | undefined
  /**
   * Whether each wait is shortened by up to half at random.
   *
   * @default true
   */
  jitter?: boolean | undefined
}

/** Options of {@link imageExists} and {@link inspectImage}. */
export interface InspectOptions extends CommonOptions {}

/** Options of {@link pullImage}. */
export interface PullOptions extends CommonOptions {
  /**
   * Other references to get the image from, in order, when a source does not have it or does not answer. Whatever
   * source serves it, the image gets the name that was asked for. Where that has a digest, each fallback must have the
   * same one or none.
   *
   * @default `ghcr.io/prizz/opencode-cloud-sandbox` with the same tag for the opencode image, none for others
   */
  fallbacks?: string[] | undefined
}

/**
 * Options of {@link buildImage}. Without `contextDirectory` and `dockerfileInline`, the embedded Dockerfile of the
 * opencode image is built.
 */
export interface BuildOptions extends CommonOptions {
  /** Folder whose files the build may use, without what its `.dockerignore` excludes; relative to the working directory. */
  contextDirectory?: string | undefined
  /**
   * Place from which the engine fetches the context, in the words of `docker build`: a git repository
   * (`https://host/repository.git#branch:folder`, `git@host:repository.git`), or a tar archive or a Dockerfile over HTTP. No
   * ignore file is applied. Only BuildKit does this. User info in it is hidden in events and errors.
   */
  contextUrl?: string | undefined
  /**
   * Path of the Dockerfile; a relative one starts at the context, which it needs. With `contextUrl` an absolute one is a
   * file of this machine.
   *
   * @default `Dockerfile`
   */
  dockerfile?: string | undefined
  /** Text of the Dockerfile. Without a context it has no files to copy. */
  dockerfileInline?: string | undefined
  /**
   * Names for the image; none has a digest.
   *
   * @default both names of the opencode image for the embedded Dockerfile, none for others
   */
  tags?: string[] | undefined
  /**
   * Build arguments. They reach the engine only. Where a step prints one whose name says that it is a secret
   * (`NPM_TOKEN`, `DB_PASSWORD`), or the user info of a proxy, events and errors have `***` in its place.
   */
  buildArgs?: Record<string, string> | undefined
  /** Labels of the image. */
  labels?: Record<string, string> | undefined
  /**
   * Stage to build.
   *
   * @default the last one
   */
  target?: string | undefined
  /**
   * Whether no step is taken from the cache.
   *
   * @default false
   */
  noCache?: boolean | undefined
  /**
   * Whether base images are pulled although they are there.
   *
   * @default false
   */
  pull?: boolean | undefined
  /**
   * Network of `RUN` steps: `default`, `host`, `none` or the name of a network.
   *
   * @default the engine's
   */
  network?: string | undefined
  /** Extra lines of `/etc/hosts` in `RUN` steps, as `host:address`. */
  addHosts?: string[] | undefined
  /**
   * Whether the context is compressed on its way to the engine: `auto` is `gzip` where the engine is remote. On a local
   * socket gzip doubles the time.
   *
   * @default auto
   */
  compression?: 'auto' | 'gzip' | 'none' | undefined
  /** Settings of the embedded Dockerfile; only where that is built. */
  opencode?: OpencodeOptions | undefined
}

/** Settings of the embedded Dockerfile. */
export interface OpencodeOptions {
  /**
   * Exact version of opencode, such as `1.18.18`.
   *
   * @default the one that this version of the package was tested with
   */
  version?: string | undefined
  /** Certificate authorities that the build and the image trust beside Debian's own, as PEM texts. */
  caCertificates?: string[] | undefined
  /** Proxy of the build; the image does not keep it. */
  proxy?:
    | {
        /** URL of the proxy for `http:`. */
        http?: string | undefined
        /** URL of the proxy for `https:`. */
        https?: string | undefined
        /** Hosts that are reached without a proxy, separated by commas. */
        no?: string | undefined
      }
    | undefined
}

/** An image that was pulled, is there under `reference`, and was inspected. */
export interface PulledImage {
  /** Canonical reference that was asked for, such as `docker.io/library/node:22`. */
  reference: string
  /**
   * Identifier in the engine's image store: `sha256:` and 64 hex digits. The digest of the image's configuration on a
   * graph driver, of its manifest or index on the containerd image store.
   */
  imageId: string
  /** Registry digest of the manifest or index: `sha256:` and 64 hex digits. Absent where the engine does not say it. */
  digest?: string
  /** Platform of the image, such as `linux/amd64`. Absent where the engine does not say it. */
  platform?: string
  /** Size of the image on the engine's disk, in bytes, as the engine counts it. */
  sizeBytes: number
  /** Canonical reference of the source that served it. */
  source: string
  /** Every try at every source, in order; the last one served the image. */
  attempts: Attempt[]
  /** Time for the whole call, in milliseconds. */
  durationMs: number
  /** What should be known although the call succeeded. */
  warnings: Warning[]
}

/** An image that was built, is there under every tag, and was inspected. */
export interface BuiltImage {
  /** First of the tags, canonical. Absent where the image has none. */
  reference?: string
  /** Every tag, canonical. */
  tags: string[]
  /** Identifier in the engine's image store: `sha256:` and 64 hex digits. */
  imageId: string
  /** Digest of the image's configuration. Absent where the engine's store names images otherwise. */
  configDigest?: string
  /** Platform of the image, such as `linux/amd64`. Absent where the engine does not say it. */
  platform?: string
  /** Size of the image on the engine's disk, in bytes, as the engine counts it. */
  sizeBytes: number
  /** Where the image came from. */
  source: 'build'
  /** Always empty: a build asks no source. */
  attempts: Attempt[]
  /** Instructions of the Dockerfile. */
  steps: {
    /** All of them. */
    total: number
    /** Those whose result came from the cache. */
    cached: number
  }
  /** Time for the whole call, in milliseconds. */
  durationMs: number
  /** What should be known although the call succeeded. */
  warnings: Warning[]
}

/** A local image. */
export interface ImageDetails {
  /** Identifier in the engine's image store: `sha256:` and 64 hex digits. */
  imageId: string
  /** Digest of the image's configuration. Absent where the engine's store names images otherwise. */
  configDigest?: string
  /** Names, as `repository:tag`, as the engine writes them. */
  repoTags: string[]
  /** Registry digests, as `repository@sha256:…`, as the engine writes them. */
  repoDigests: string[]
  /** Platform of the image, such as `linux/amd64`. Absent where the engine does not say it. */
  platform?: string
  /** Size of the image on the engine's disk, in bytes, as the engine counts it. */
  sizeBytes: number
  /** When it was created, as RFC 3339. Absent where the engine does not say it. */
  created?: string
  /** Labels. */
  labels: Record<string, string>
}

/** One request to one source, finished. */
export interface Attempt {
  /** Canonical reference that was asked for. */
  reference: string
  /** Registry host, with the port where one was given; Docker Hub is `docker.io`. */
  registry: string
  /** Number of the try at this source, from 1. */
  attempt: number
  /** Why it failed. Absent on success. */
  code?: ErrorCode
  /** What happened, in one line. Absent on success. */
  message?: string
  /** Time from the request to its end, in milliseconds. */
  durationMs: number
  /** Wait before the next try at the same source, in milliseconds. Absent where none followed. */
  delayMs?: number
}

/** Something that does not stop the work but should be known. */
export interface Warning {
  /**
   * Stable name: `PLATFORM_UNVERIFIED` (the engine does not say which platform the image is for), `NOT_NAMED` (a pinned
   * digest came from another source, and has no tag to be known by), `PLATFORM_WARNING`, `ENGINE_WARNING` and
   * `BUILD_WARNING` (in the engine's words), `CONTEXT_SOCKET_SKIPPED`, `CONTEXT_DEVICE_SKIPPED`, `CONTEXT_FILE_GREW`,
   * `LOG_LINES_DROPPED` (the listener is slower than the engine). More may be added.
   */
  code: string
  /** One line. */
  message: string
  /** Page that explains it. Absent where there is none. */
  url?: string
  /** First line of the Dockerfile that it is about, from 1. Absent where it is about none. */
  startLine?: number
  /** Last line of the Dockerfile that it is about, from 1. Absent where it is about none. */
  endLine?: number
}

/** A fact about the work, complete without the events before it. Told apart by `type`. */
export type ProgressEvent =
  | AttemptEvent
  | LayerEvent
  | TotalEvent
  | ContextEvent
  | StepEvent
  | LogEvent
  | StatusEvent
  | WarningEvent

/** A try at a source begins, fails, will be repeated, or gives way to the next source. Told apart by `phase`. */
export type AttemptEvent = AttemptStartingEvent | AttemptRetryingEvent | AttemptFailedEvent

interface AttemptFields {
  type: 'attempt'
  /** Canonical reference that is asked for. */
  reference: string
  /** Registry host, with the port where one was given; Docker Hub is `docker.io`. */
  registry: string
  /** Number of the try at this source, from 1. */
  attempt: number
  /** Tries that are allowed at this source. */
  attempts: number
}

/** The engine is asked. */
export interface AttemptStartingEvent extends AttemptFields {
  phase: 'starting'
}

/** The try failed; the same source is asked again. */
export interface AttemptRetryingEvent extends AttemptFields {
  phase: 'retrying'
  /** Wait before the next try, in milliseconds. */
  delayMs: number
  /** Why it failed. */
  code: ErrorCode
  /** What happened, in one line. */
  message: string
}

/** The try failed; the next source is asked (`fallingBack`), or nothing follows (`failed`). */
export interface AttemptFailedEvent extends AttemptFields {
  phase: 'failed' | 'fallingBack'
  /** Why it failed. */
  code: ErrorCode
  /** What happened, in one line. */
  message: string
}

/** One layer of an image changed its state or moved bytes. No change of state is dropped; byte counts may be. */
export interface LayerEvent {
  type: 'layer'
  /** Short identifier, as the engine names the layer. */
  id: string
  /**
   * Where the layer stands. `waiting`, `downloading`, `verifying`, `downloaded`, `extracting`, `complete` is the usual
   * order; engines skip states. `exists` was there before, `retrying` goes back to `downloading`.
   */
  state:
    | 'waiting'
    | 'downloading'
    | 'verifying'
    | 'downloaded'
    | 'extracting'
    | 'complete'
    | 'exists'
    | 'retrying'
  /** Bytes downloaded, or extracted with `extracting`. Absent where the engine does not count bytes. */
  currentBytes?: number
  /** Size of the layer as it is transferred (compressed), in bytes. Absent while unknown. */
  totalBytes?: number
  /** Time spent extracting, in milliseconds. Only where the engine counts time and not bytes (containerd image store). */
  elapsedMs?: number
  /** Time until the engine tries the layer again, in milliseconds. Only with `retrying`. */
  retryInMs?: number
}

/** All layers together. `currentBytes` never goes back within one source. */
export interface TotalEvent {
  type: 'total'
  /** Layers that are complete or were there. */
  layersDone: number
  /** Layers known so far. */
  layersTotal: number
  /** Bytes downloaded. */
  currentBytes: number
  /** Sum of the known sizes of the layers, in bytes. */
  totalBytes: number
  /** Whether the size of every layer is known, so that `totalBytes` does not grow any more. */
  totalIsFinal: boolean
  /** Rate of the download over the last seconds, in bytes per second. Absent while unknown. */
  bytesPerSecond?: number
  /** Time until the download ends at this rate, in milliseconds. Absent while unknown. */
  etaMs?: number
}

/** The build context on its way to the engine. */
export interface ContextEvent {
  type: 'context'
  /** Files sent so far, folders and links included. */
  filesSent: number
  /** Bytes sent so far, as they are transferred (compressed where compression is on). */
  bytesSent: number
  /** All files of the context. Absent until the walk has ended. */
  filesTotal?: number
  /** Whether the whole context has been sent. */
  done: boolean
}

/** One step of a build changed its state. */
export interface StepEvent {
  type: 'step'
  /** Identifier, unique within the build. */
  id: string
  /** The instruction as the engine prints it. */
  name: string
  /** Position from 1. Absent for work that no instruction asked for. */
  index?: number
  /** Number of steps. Absent where `index` is. */
  of?: number
  /** Where the step stands. `cached`: its result was taken from the cache. `canceled`: given up because the build was. */
  state: 'running' | 'cached' | 'done' | 'failed' | 'canceled'
  /** Build stage. Absent where the engine does not name it. */
  stage?: string
  /** Time from the step's start, in milliseconds. Absent with `running`. */
  durationMs?: number
}

/** One whole line that a build step printed. */
export interface LogEvent {
  type: 'log'
  /** Identifier of the step that printed it. Absent before the first step. */
  step?: string
  /** Where it was printed. */
  stream: 'stdout' | 'stderr'
  /** The line without its end: valid text, control sequences made harmless. */
  text: string
}

/** A message of the engine that belongs to no layer. */
export interface StatusEvent {
  type: 'status'
  /** One line, control sequences made harmless. */
  message: string
}

/** Something that does not stop the work but should be known. */
export interface WarningEvent extends Warning {
  type: 'warning'
}

/** Why a call failed. Codes are stable; the table of the README says what each means and what to do. */
export type ErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_REFERENCE'
  | 'DOCKERFILE_INVALID'
  | 'CONTEXT_INVALID'
  | 'ENGINE_NOT_FOUND'
  | 'ENGINE_UNREACHABLE'
  | 'ENGINE_PERMISSION_DENIED'
  | 'ENGINE_TLS'
  | 'ENGINE_VERSION'
  | 'ENGINE_DISK_FULL'
  | 'UNSUPPORTED_BY_ENGINE'
  | 'ENGINE_ERROR'
  | 'ENGINE_DISCONNECTED'
  | 'ENGINE_PROTOCOL'
  | 'IMAGE_NOT_FOUND'
  | 'PLATFORM_NOT_FOUND'
  | 'PLATFORM_MISMATCH'
  | 'UNSUPPORTED_IMAGE'
  | 'AUTH_REQUIRED'
  | 'ACCESS_DENIED'
  | 'CREDENTIAL_HELPER'
  | 'RATE_LIMITED'
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_DNS'
  | 'REGISTRY_ERROR'
  | 'REGISTRY_CONNECTION_LOST'
  | 'TIMEOUT'
  | 'STALLED'
  | 'REGISTRY_TLS'
  | 'DIGEST_MISMATCH'
  | 'BUILD_FAILED'
  | 'DEADLINE'
  | 'ALL_SOURCES_FAILED'
  | 'LISTENER_FAILED'
  | 'INTERNAL'

/**
 * A failed call. The optional fields are there only where they say something. An abort is no error of this package: the
 * call rejects with the signal's own reason.
 */
export declare class ShipwayError extends Error {
  private constructor()
  name: 'ShipwayError'
  /** Why it failed: the field to decide by. */
  code: ErrorCode
  /** What was being done: `connect` until the engine has answered, then the function that was called. */
  operation: 'connect' | 'pullImage' | 'buildImage' | 'imageExists' | 'inspectImage'
  /** Whether trying again later, with nothing changed, can succeed. */
  retryable: boolean
  /** What a person can try. */
  hint?: string
  /** Canonical reference of the image in question. */
  reference?: string
  /** Registry host that was asked. */
  registry?: string
  /** Every try at every source, in order. */
  attempts?: Attempt[]
  /** The most telling code among the attempts. With `ALL_SOURCES_FAILED`. */
  primaryCode?: ErrorCode
  /** How long the registry asked to wait, in milliseconds. With `RATE_LIMITED`. */
  retryAfterMs?: number
  /** The build step that failed, as the Dockerfile has it. With `BUILD_FAILED`. */
  step?: string
  /** Exit code of the failed step. With `BUILD_FAILED`, where a command failed. */
  exitCode?: number
  /** The last whole lines of the build's log, oldest first, at most 20. With `BUILD_FAILED`. */
  logTail?: string[]
  /** Place in the Dockerfile that is at fault. */
  dockerfile?: {
    /** Path of the Dockerfile. Absent where it is no file. */
    path?: string
    /** First line at fault, from 1. */
    startLine: number
  }
  /** What lay below: for `LISTENER_FAILED` what the listener threw, for `DEADLINE` the last failure. */
  cause?: unknown
}
