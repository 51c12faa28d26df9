/**
 * Makes an image ready: it is there, or it is pulled from the first of its sources that has it, or it is built where that is
 * allowed. Resolves once the engine has it under the name that was asked for. No registry is asked where it is there,
 * unless `policy` says so.
 *
 * Calls that ask for the same at the same time share the work, those of worker threads among them: the same engine, image,
 * fallbacks, `policy`, `platform`, `build`, `credentials`, `retry` and `timeouts.stallMs`. Each has its own events, signal,
 * `timeouts.totalMs` and error. A call that joins is told first where each try, layer and step stands, and the last 200 lines
 * and warnings. One that leaves disturbs no other; the last one to leave cancels the work at the engine.
 *
 * @param image Reference such as `ghcr.io/acme/app:1.4`. Default: `docker.io/prizz/opencode-cloud-sandbox:latest`, which falls
 * back to `ghcr.io`, and then to a build of the embedded Dockerfile.
 * @param options Everything else.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function ensureImage(image?: string, options?: EnsureOptions): Promise<ReadyImage>

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
 * Builds an image: the embedded Dockerfile of the opencode image, a folder, an archive, files in memory, what a URL gives, or
 * the text of a Dockerfile. Resolves once the engine has the image under every tag that was asked for.
 *
 * @param options What to build, and how. Default: the opencode image.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function buildImage(
  options?: BuildOptions & { outputs?: undefined },
): Promise<BuiltImage>
/**
 * The same with outputs, of which none need be an image. Resolves once each is whole and in its place.
 *
 * @param options What to build, how, and what becomes of it.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function buildImage(options: BuildOptions): Promise<BuildResult>

/**
 * Finds what is wrong with a Dockerfile by the rules of BuildKit's Dockerfile frontend, as `docker build --check` does,
 * without building it. A Dockerfile that does not parse rejects with `DOCKERFILE_INVALID`; an engine without BuildKit, or
 * with one before 0.15 (Docker 27.2), with `UNSUPPORTED_BY_ENGINE`.
 *
 * What the lint finds is found under `# check=error=true` as well.
 *
 * @param options What would be built. Of what is told how it is built, `buildArgs`, `contexts`, `platform`, `pull` and
 *   `target` count; the rest is ignored. Default: the opencode image.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function checkBuild(options?: BuildOptions): Promise<BuildCheck>

/**
 * Says what there is to work with, for people (`text`) and for programs: which engine, why that one, what else came into
 * question, what it can do, and where the credentials for each registry would come from. Nothing is pulled or changed, no
 * registry is asked and no credential helper is run; no secret and no user name is in the answer.
 *
 * That there is no engine is a finding and no failure: `engine` is `null` then, and `problem` what every other call would
 * reject with. Only options that are not valid, an abort and `timeouts.totalMs` reject.
 *
 * @param options Which engine, and which registries. No event is told.
 * @returns Rejects with a {@link ShipwayError}, or with the reason of the signal after an abort. Never throws.
 */
export declare function diagnose(options?: DiagnoseOptions): Promise<Diagnosis>

/**
 * Tells whether an image is there. Only the engine's "not found" is `false`: every other failure rejects. What is known to be
 * no container image, such as a Helm chart that the containerd image store has pulled, is not there.
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
   * Endpoint of the engine: `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port`, `https://host:port` for TLS, or
   * `ssh://user@host:port/path/of/the/socket`; or the name of a Docker context, of which `default` stands for `DOCKER_HOST`
   * and the usual places. What is named here or by the environment is never replaced by another.
   *
   * `tcp://` is TLS where `DOCKER_TLS_VERIFY` or `DOCKER_TLS` is set, and always checked. Certificates are `ca.pem`,
   * `cert.pem` and `key.pem` in the folder that `DOCKER_CERT_PATH` names, or else in that of `docker`'s settings; a context
   * has its own. `ssh://` runs the system's `ssh`, with the user's settings and without questions; the other machine needs
   * the `docker` command. All but the host may be left out.
   *
   * Each request has the headers of `DOCKER_CUSTOM_HEADERS`, or else of `HttpHeaders` in `docker`'s settings; headers that
   * cannot be sent reject with `INVALID_OPTION`. An engine that does not have the API of `DOCKER_API_VERSION`, or where that
   * is not set one of 1.40 or newer, is `ENGINE_VERSION`.
   *
   * @default `DOCKER_HOST`, then the context of `DOCKER_CONTEXT`, then the one that `docker context use` has chosen, then
   * the first that answers of the usual places of Docker, Docker Desktop, Colima, Rancher Desktop, OrbStack and Podman
   */
  engine?: string | undefined
  /** Gives the call up. It rejects with the signal's own reason, and the engine stops working for it. */
  signal?: AbortSignal | undefined
  /**
   * Is told what happens, in order: at once, then at most every 50 ms, at most 256 events at a time. The next batch comes
   * when this function has returned and its promise, where it returns one, has settled; meanwhile byte counts are
   * conflated to the newest, and beyond 10,000 waiting lines of log the oldest are dropped (the event `warning` with
   * `LOG_LINES_DROPPED` says how many). The call settles after the last batch, but waits no longer than 5 s for its
   * promise; after an abort, which is told as well (steps are `canceled`), no longer than 250 ms in all. Never called once
   * the call has settled. When it throws or rejects, the work is cancelled and the call rejects with `LISTENER_FAILED`.
   */
  onProgress?: ((events: ProgressEvent[]) => void | PromiseLike<void>) | undefined
  /**
   * What is shown on standard error: `tty` draws bars, `plain` writes a line for each change, `json` writes each event as
   * a line of JSON, `quiet` shows nothing. `auto` is `tty` on a terminal and `plain` elsewhere; `tty` is `plain` where
   * there is no terminal. Never keeps the call waiting while it works: where standard error is read more slowly than the
   * engine talks, what `onProgress` loses is lost here as well. Everything is shown before the call settles, if it takes
   * no longer than 5 s; after an abort, and with `DEADLINE`, than 250 ms. After an abort the last line of `tty` and
   * `plain` is `canceled`.
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

/** Time limits in milliseconds, from 1 to 2,147,483,647. */
export interface Timeouts {
  /**
   * Longest wait for a connection to the engine.
   *
   * @default 10000
   */
  connectMs?: number | undefined
  /**
   * Longest time in which nothing moves; the code is `STALLED`. `Infinity` and `null` are no limit. While a build runs its
   * steps, silence is allowed: only the transfer of the context counts.
   *
   * @default 60000
   */
  stallMs?: number | null | undefined
  /**
   * Longest time for the whole call from the engine's first answer, waits between tries included; the code is
   * `DEADLINE`. `Infinity` and `null` are no limit.
   *
   * @default no limit for a pull or a look-up, 600000 for a build; in `ensureImage` for the build alone
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

/**
 * Options of {@link diagnose}. `timeouts.connectMs` is the longest wait for each answer. A Docker context that is not there
 * is a finding.
 */
export interface DiagnoseOptions extends CommonOptions {
  /**
   * Images whose registries are looked at.
   *
   * @default the sources of the opencode image
   */
  images?: string[] | undefined
  /** Credentials by registry, as for {@link pullImage}. They are not looked into. */
  credentials?: Record<string, RegistryCredentials> | undefined
}

/** What a registry knows somebody by: a user name with a password, or one token. */
export type RegistryCredentials =
  | {
      /** Name of the user. */
      username: string
      /** Password, or what stands for one, such as a personal access token. */
      password: string
      identityToken?: undefined
      registryToken?: undefined
    }
  | {
      /** Token that the registry's token server exchanges for short-lived ones (an OAuth refresh token). */
      identityToken: string
      username?: undefined
      password?: undefined
      registryToken?: undefined
    }
  | {
      /** Token that goes to the registry as it is. */
      registryToken: string
      username?: undefined
      password?: undefined
      identityToken?: undefined
    }

/** Options of {@link pullImage}. */
export interface PullOptions extends CommonOptions {
  /**
   * Credentials by registry: `ghcr.io`, `localhost:5000`, and `docker.io` for Docker Hub. They come before those that
   * `docker login` has left: `DOCKER_AUTH_CONFIG`, the credential helpers and the entries of `config.json`; and those before
   * what `podman login` has left: `REGISTRY_AUTH_FILE`, or `containers/auth.json` in `XDG_RUNTIME_DIR` (else
   * `/run/containers/UID/auth.json`) and in `XDG_CONFIG_HOME` (else `~/.config`), where an entry may be for a namespace, such as
   * `quay.io/acme`. They are looked up for a registry when it is asked, which is shown its own and no others. A file that
   * cannot be read is a warning, and there are no credentials in it.
   *
   * Where a helper fails, or a registry does not accept what there is, the registry is asked without credentials, which is a
   * warning (`CREDENTIAL_HELPER`, `CREDENTIALS_REFUSED`) where it then gives the image. Where it does not, the error is
   * `CREDENTIAL_HELPER`, with its answer as `cause`, or what it said first.
   */
  credentials?: Record<string, RegistryCredentials> | undefined
  /**
   * Other references to get the image from, in order, when a source does not have it or does not answer. Whatever
   * source serves it, the image gets the name that was asked for. Where that has a digest, each fallback must have the
   * same one or none.
   *
   * @default `ghcr.io/prizz/opencode-cloud-sandbox` with the same tag for the opencode image, none for others
   */
  fallbacks?: string[] | undefined
}

/** Options of {@link ensureImage}. */
export interface EnsureOptions extends PullOptions {
  /**
   * When a registry is asked for the image:
   *
   * - `missing`: where it is not there, neither under its name nor under that of a fallback.
   * - `always`: it is pulled although it is there. Where that fails, so does the call (or it builds).
   * - `newer`: where the digest that the registry has for the name is not that of the image that is there, it is pulled. Where
   *   the registry cannot be asked or the pull fails, the image that is there is kept, with the warning `NOT_UPDATED`; a
   *   failure of the engine and `DIGEST_MISMATCH` reject. An engine that cannot ask (Podman before 6) pulls.
   * - `never`: it is there, or the call rejects with `IMAGE_NOT_FOUND` (or builds).
   *
   * An image of another `platform` is not there, and a pinned digest is never another.
   *
   * @default missing
   */
  policy?: 'missing' | 'always' | 'newer' | 'never' | undefined
  /**
   * What the image is built from where it is not there and no source has it, as in {@link buildImage}; it gets the name that
   * was asked for, which has no digest then. `true`, and an object without a context, is the embedded Dockerfile of the
   * opencode image, for which another name needs `{ opencode: {} }`.
   *
   * It is built after failures that another source might have cured, such as `IMAGE_NOT_FOUND`, `AUTH_REQUIRED` and
   * `REGISTRY_UNREACHABLE` (the table of the README says which), after `ALL_SOURCES_FAILED`, and after no other. A build that fails rejects with its own
   * error; `attempts` has what was tried before.
   *
   * @default `true` where no image is named and `policy` is not `never`, else `false`
   */
  build?: boolean | EnsureBuildOptions | undefined
}

/** How {@link ensureImage} builds. What is of the whole call is among its own options. */
export type EnsureBuildOptions = Omit<
  BuildOptions,
  keyof CommonOptions | 'credentials' | 'outputs' | 'platforms' | 'tags'
>

/**
 * Options of {@link buildImage}. Without a context (`contextDirectory`, `contextFiles`, `contextArchive` or `contextUrl`, of
 * which one can be given) and without `dockerfileInline`, the embedded Dockerfile of the opencode image is built.
 */
export interface BuildOptions extends CommonOptions {
  /**
   * Who builds. `auto` is BuildKit where the engine has it, else the classic builder (Podman, old engines, Windows). What
   * only BuildKit can do rejects with `UNSUPPORTED_BY_ENGINE` elsewhere.
   *
   * @default `classic` where the environment variable `DOCKER_BUILDKIT` is 0, else `auto`
   */
  builder?: 'auto' | 'buildkit' | 'classic' | undefined
  /** Folder whose files the build may use, without what its `.dockerignore` excludes; relative to the working directory. */
  contextDirectory?: string | undefined
  /**
   * Files that the build may use, by their paths: relative, with `/` between their parts, none of them `.` or `..`. A
   * string is UTF-8 text. Every file has the mode 0644 and the same time. No ignore file is applied.
   */
  contextFiles?: Record<string, string | Uint8Array> | undefined
  /**
   * Tar archive whose files the build may use, all of them: plain, or compressed with gzip, bzip2, xz or, from Docker 29
   * on, zstd. Relative to the working directory. Needs BuildKit.
   */
  contextArchive?: string | undefined
  /**
   * Place from which the engine fetches the context, in the words of `docker build`: a git repository
   * (`https://host/repository.git#branch:folder`, `git@host:repository.git`), or a tar archive or a Dockerfile over HTTP. No
   * ignore file is applied. Needs BuildKit. User info in it is hidden in events and errors.
   */
  contextUrl?: string | undefined
  /**
   * Path of the Dockerfile in the context that it needs; an absolute one is a file of this machine, and may lie elsewhere.
   * A relative one starts at `contextDirectory`, or is one in the other contexts. `<Dockerfile>.dockerignore` beside one in
   * a folder is in force instead of the context's own.
   *
   * @default `Dockerfile`
   */
  dockerfile?: string | undefined
  /** Text of the Dockerfile. Without a context it has no files to copy. */
  dockerfileInline?: string | undefined
  /**
   * Further contexts by the names that `FROM` and `COPY --from` use. A value is the path of a folder (relative to the
   * working directory, filtered by its own `.dockerignore`), `docker-image://IMAGE`, the URL of a git repository, or
   * `oci-layout://FOLDER[:TAG][@DIGEST]`: an image in a folder that is an OCI image layout, which needs an engine with the
   * containerd image store. Needs BuildKit 0.10 (Docker 23), or a Dockerfile that begins with
   * `# syntax=docker/dockerfile:1`.
   */
  contexts?: Record<string, string> | undefined
  /**
   * What becomes of the result; several at once need BuildKit 0.13 (Docker 26). One folder or file may be named once,
   * and an image once: as `image` or as `registry`.
   *
   * @default an image in the engine's store
   */
  outputs?: BuildOutput[] | undefined
  /**
   * Where steps may be taken from beside the engine's own cache. One that is not there is the warning `CACHE_NOT_FOUND`,
   * or a step that failed, and the build goes on.
   */
  cacheFrom?: CacheSource[] | undefined
  /**
   * Where the cache is put. Engines without the containerd image store know only `inline`. The build argument
   * `BUILDKIT_INLINE_CACHE=1` adds that.
   */
  cacheTo?: CacheTarget[] | undefined
  /**
   * Names for the image; none has a digest.
   *
   * @default both names of the opencode image for the embedded Dockerfile, none for others
   */
  tags?: string[] | undefined
  /**
   * Build arguments; those of the proxies in `docker`'s `config.json` are added where they are missing. They reach the
   * engine only. Where a step prints one whose name says that it is a secret
   * (`NPM_TOKEN`, `DB_PASSWORD`), or the user info of a proxy, events and errors have `***` in its place. One that is
   * `undefined` counts as absent.
   */
  buildArgs?: Record<string, string | undefined> | undefined
  /** Labels of the image. */
  labels?: Record<string, string | undefined> | undefined
  /**
   * Stage to build.
   *
   * @default the last one
   */
  target?: string | undefined
  /**
   * Platforms to build for, each as `os/architecture[/variant]`; contradicts `platform`. More than one need an engine
   * with the containerd image store.
   *
   * @default the engine's own
   */
  platforms?: string[] | undefined
  /**
   * Whether no step is taken from the cache.
   *
   * @default false
   */
  noCache?: boolean | undefined
  /** Stages of which no step is taken from the cache. Only BuildKit. */
  noCacheFilter?: string[] | undefined
  /**
   * Whether base images are pulled although they are there.
   *
   * @default false
   */
  pull?: boolean | undefined
  /**
   * Network of `RUN` steps: `default`, `host` or `none`; with the classic builder also the name of a network.
   *
   * @default the engine's
   */
  network?: string | undefined
  /** Extra lines of `/etc/hosts` in `RUN` steps, as `host:address`; the address may be `host-gateway`. */
  addHosts?: string[] | undefined
  /**
   * Size of `/dev/shm` in `RUN` steps, in bytes.
   *
   * @default the engine's, usually 64 MiB
   */
  shmSizeBytes?: number | undefined
  /**
   * Limits of `RUN` steps by their names (`nofile`, `nproc`, …, those of `docker build --ulimit`), as `setrlimit` takes them; a number is both. -1 is no
   * limit.
   */
  ulimits?: Record<string, number | { soft: number; hard: number }> | undefined
  /** Control group above those of `RUN` steps. */
  cgroupParent?: string | undefined
  /**
   * Secrets by the IDs that `RUN --mount=type=secret` uses, at most 500 KiB each: a file of this machine, a variable of the
   * environment, or the value itself (a string is UTF-8 text). They reach the steps that mount them and no image. Where a
   * step prints a line of one, events and errors have `***` in its place, unless the line is shorter than 4 bytes or not
   * among the first 200. Only BuildKit.
   */
  secrets?: Record<string, SecretSource> | undefined
  /**
   * SSH agents by the IDs that `RUN --mount=type=ssh` uses (`default` where it names none): the path of an agent's socket,
   * or `true` for the one of `SSH_AUTH_SOCK`. Steps can list keys and have something signed, and nothing else. Only
   * BuildKit.
   *
   * @default `{ default: true }` where `contextUrl` is a git repository over ssh, else none
   */
  ssh?: Record<string, string | true> | undefined
  /**
   * What is attested about the build, beside the image. Needs BuildKit with the containerd image store.
   *
   * @default provenance `min` in the image where the engine can store it, as with `docker build`
   */
  attestations?: AttestationOptions | undefined
  /**
   * What steps may do beyond the usual: `network.host` (also asked for by `network: 'host'`), `security.insecure`, and
   * `device` with or without `=NAME`. The engine has to allow it too. Only BuildKit.
   */
  allow?: string[] | undefined
  /**
   * Time of everything that the build makes, in seconds since 1970, so that the same input gives the same image; the
   * build argument of this name. Only BuildKit.
   *
   * @default the environment variable `SOURCE_DATE_EPOCH`
   */
  sourceDateEpoch?: number | undefined
  /**
   * Whether the context is compressed on its way to the engine: `auto` is `gzip` where the engine is remote. On a local
   * socket gzip doubles the time.
   *
   * @default auto
   */
  compression?: 'auto' | 'gzip' | 'none' | undefined
  /**
   * Credentials by registry, as for {@link pullImage}. BuildKit gets tokens for them, which are fetched here from the token
   * server that the registry names, through the proxies of HTTPS_PROXY and HTTP_PROXY; the engine gets them themselves
   * where a registry wants a password, where `BUILDKIT_NO_CLIENT_TOKEN` is `1`, and with the classic builder, which gets all
   * of these, and of others those for the registries of its base images.
   */
  credentials?: Record<string, RegistryCredentials> | undefined
  /** Settings of the embedded Dockerfile; only where that is built. */
  opencode?: OpencodeOptions | undefined
}

/** Where a secret comes from. */
export type SecretSource =
  | {
      /** Path of a regular file, or of a link to one; a relative one starts at the working directory. */
      file: string
    }
  | {
      /** Name of a variable, which has to be set; an empty one is an empty secret. */
      environment: string
    }
  | {
      /** The secret. */
      value: string | Uint8Array
    }

/** What is attested about a build. */
export interface AttestationOptions {
  /**
   * Where the image came from: `min` (or `true`) names the sources, `max` also build arguments and the Dockerfile, `false`
   * is nothing.
   */
  provenance?: boolean | 'min' | 'max' | undefined
  /**
   * What is in the image: a list that BuildKit's own generator or the image `generator` makes.
   *
   * @default false
   */
  sbom?: boolean | { generator?: string | undefined } | undefined
}

/**
 * One output of a build, told apart by `type`. Engines without the containerd image store make `image`, `registry`,
 * `local` and `tar`.
 */
export type BuildOutput =
  ImageOutput | RegistryOutput | LocalOutput | ArchiveOutput | CacheOnlyOutput

interface OutputFields {
  /**
   * Further settings in the words of BuildKit, such as `compression: 'zstd'`
   * (https://github.com/moby/buildkit/blob/v0.25.2/README.md#output). Of an image only with the containerd image store.
   */
  attributes?: Record<string, string> | undefined
}

/** An image in the engine's store, under every tag. */
export interface ImageOutput extends OutputFields {
  type: 'image'
  /**
   * Whether it also goes to the registries that its tags name.
   *
   * @default false
   */
  push?: boolean | undefined
}

/** The same as `image` with `push`. */
export interface RegistryOutput extends OutputFields {
  type: 'registry'
}

/**
 * The files of the result, in a folder of this machine. Nothing there is deleted but what a file of the same name
 * replaces, and what is written belongs to the user of this process. An abort leaves the files that are whole.
 */
export interface LocalOutput extends OutputFields {
  type: 'local'
  /** The folder, which is made where it is missing; relative to the working directory. */
  directory: string
}

/**
 * The files of the result (`tar`), an OCI image layout (`oci`) or what `docker load` takes (`docker`), as one archive.
 */
export interface ArchiveOutput extends OutputFields {
  type: 'tar' | 'oci' | 'docker'
  /**
   * The file, relative to the working directory. It is replaced in one step, once the whole build has succeeded.
   */
  file: string
}

/** Nothing but the engine's cache. */
export interface CacheOnlyOutput {
  type: 'cacheonly'
}

/** A place that steps are taken from, told apart by `type`. */
export type CacheSource = RegistryCache | LocalCache

/** A place that the cache is put to, told apart by `type`. */
export type CacheTarget = RegistryCache | LocalCache | InlineCache

interface CacheFields {
  /**
   * Further settings in the words of BuildKit, such as `mode: 'max'` or `'ignore-error': 'true'` for putting
   * (https://github.com/moby/buildkit/blob/v0.25.2/README.md#export-cache).
   */
  attributes?: Record<string, string> | undefined
}

/** An image in a registry: one of its own, or for taking also one that was built with an `inline` cache. */
export interface RegistryCache extends CacheFields {
  type: 'registry'
  /** The image. */
  reference: string
}

/** A folder of this machine, as an OCI image layout. The attribute `tag` names one of several in it. */
export interface LocalCache extends CacheFields {
  type: 'local'
  /**
   * The folder; relative to the working directory. Where `cacheTo` has several, all have the same attributes, but for `tag`
   * and `ignore-error`.
   */
  directory: string
}

/** The image that is built, which has to be pushed for others to take steps from it. */
export interface InlineCache {
  type: 'inline'
}

/** Settings of the embedded Dockerfile. */
export interface OpencodeOptions {
  /**
   * Exact version of opencode, such as `1.18.18`; a tag such as `latest` is none.
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

/** What there is to work with. Each text is one line, without control sequences and without secrets of URLs. */
export interface Diagnosis {
  /** All of it for people: lines of 80 columns, as far as paths allow, to be printed or pasted into a report. */
  text: string
  /** This package. */
  shipway: {
    version: string
    /** Platform of this process, such as `linux/amd64`. */
    platform: string
    /** Version of Node.js. */
    node: string
    /** Environment variables that are set and that count, without their values. */
    variables: string[]
  }
  /** The endpoint that is used; `null` where none answers. */
  endpoint: ConsideredEndpoint | null
  /** Every endpoint that came into question, in the order of preference. */
  considered: ConsideredEndpoint[]
  /** What the engine says of itself; `null` where none answers. */
  engine: EngineFacts | null
  /** Why there is no engine. */
  problem?: Problem
  /** The registries of the images in question. */
  registries: RegistryFacts[]
  /** What is wrong or should be known, the gravest first. Without an `error`, calls can succeed. */
  findings: Finding[]
}

/** An endpoint that came into question, with what speaks against it. */
export interface ConsideredEndpoint extends Partial<Problem> {
  /** Endpoint as the option `engine` takes it; absent where what named it leads nowhere. */
  address?: string
  /** `option`, `DOCKER_HOST`, `DOCKER_CONTEXT`, `current context`, or whose usual place it is: `default`, `Podman`, … */
  reason: string
  /** The Docker context that has it. */
  context?: string
  /**
   * What came of it: `available` answers, but another comes first; `overruled` was not asked, for another was named that
   * comes first; `notFound` is no socket; `refused` has nothing listening; `forbidden` may not be opened by this user;
   * `invalid` does not parse, or is a context that is not there.
   */
  outcome:
    | 'used'
    | 'available'
    | 'overruled'
    | 'notFound'
    | 'refused'
    | 'forbidden'
    | 'timedOut'
    | 'invalid'
    | 'failed'
}

/** A failure that is told and not thrown. */
export interface Problem {
  /** Stable name: that of an error, or of a finding. */
  code: string
  /** One line. */
  message: string
  /** What to try. */
  hint?: string
}

/**
 * Something that is wrong (`error`: no call will succeed; `warning`: some will not, or not as expected) or that should be
 * known. Beside the codes of errors there are `ENGINE_ELSEWHERE` (another engine answers than the one that was named),
 * `CONTEXT_OVERRULED`, `NO_BUILDKIT`, `ENGINE_DISK_LOW` (less than 2 GiB), `ENGINE_WITHOUT_TLS` and `DOCKER_CONFIG_INVALID`.
 */
export interface Finding extends Problem {
  severity: 'error' | 'warning' | 'info'
}

/** What an engine says of itself. What it does not say, or not in time, is absent. */
export interface EngineFacts {
  name: 'Docker Engine' | 'Docker Desktop' | 'Podman'
  version?: string
  /** What the engine is sold as, such as `Docker Engine - Community`. */
  product?: string
  /** The newest API that it speaks, such as `1.51`. */
  apiVersion?: string
  /** The oldest API that it speaks. */
  minApiVersion?: string
  operatingSystem?: string
  kernelVersion?: string
  /** Its own platform, such as `linux/amd64`: that of images where a call names none. */
  platform?: string
  /** Platforms that it builds for, its own first. */
  platforms: string[]
  /** Whether it runs without root. */
  rootless?: boolean
  cpus?: number
  memoryBytes?: number
  cgroupVersion?: string
  /** What keeps images: Docker's graph driver, containerd, or Podman's store. */
  store?: 'graphdriver' | 'containerd' | 'containersStorage'
  /** The storage driver or snapshotter, such as `overlay2`. */
  storageDriver?: string
  buildkit: {
    /** Whether it answers. */
    available: boolean
    /** Whether it builds where a call names no builder. */
    isDefault: boolean
    /** `direct`: gRPC on the engine's endpoint (API 1.53); `upgrade`: over a connection of the API that is taken over. */
    way?: 'direct' | 'upgrade'
    /** Its version, where it knows it. */
    version?: string
    /** Why it does not answer, where the engine may have one. */
    problem?: Problem
    /** Options of {@link buildImage} that it does not take; `oci-layout` is that form of `contexts`. */
    unsupported: string[]
  }
  disk: {
    /** Where the engine keeps its data, as the engine sees it. */
    rootDirectory?: string
    /**
     * Room that is left there; only where the engine is on this machine, under the same kernel. Where one of the two is in a
     * container, it may be that of another file system.
     */
    freeBytes?: number
    /** Size of that file system. */
    totalBytes?: number
    /** Number of images. */
    images?: number
    /** All layers of images, each counted once. */
    imagesBytes?: number
    buildCacheBytes?: number
  }
  /** Mirrors that it asks before Docker Hub. */
  mirrors: string[]
  /** Registries and networks to which it speaks without checked TLS. */
  insecureRegistries: string[]
  /** Proxies through which it reaches registries. */
  proxies?: { http?: string; https?: string; no?: string }
  /** What it warns of itself. */
  warnings: string[]
}

/**
 * A registry, and where its credentials would come from; never what they are. Where the repositories of one have theirs from
 * several places, there is one for each of those.
 */
export interface RegistryFacts {
  /** Host, such as `ghcr.io`. */
  registry: string
  /** The images in question, as canonical references. */
  images: string[]
  credentials: {
    /**
     * Who is asked first: the option `credentials`, the variable, a credential helper (which is not asked here and may have
     * none), `docker`'s `config.json`, Podman's `auth.json`; with `none`, the registry is asked anonymously.
     */
    origin: 'option' | 'DOCKER_AUTH_CONFIG' | 'helper' | 'config.json' | 'auth.json' | 'none'
    /** The helper's program. */
    helper?: string
    /** Path of the file that has them, or names the helper. */
    file?: string
    /** Why they cannot be had, such as a helper that is not on the `PATH`. */
    problem?: Problem
  }
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

/** An image that is there under `reference`, and was inspected. Told apart by `origin`. */
export type ReadyImage = FoundImage | ReadyBuiltImage

/** An image that was there or was pulled. */
export interface FoundImage extends PulledImage {
  /** How it became ready. */
  origin: 'present' | 'pulled'
  /** Canonical reference that it was found under or pulled from: the name that was asked for, or a fallback. */
  source: string
  /** Every try at every source, in order. Where the image was there, all of them failed; with `missing` there are none. */
  attempts: Attempt[]
}

/** An image that was built because no source had it. */
export interface ReadyBuiltImage extends Omit<BuiltImage, 'reference' | 'tags'> {
  /** Canonical reference that was asked for, such as `docker.io/acme/app:1.4`. */
  reference: string
  /** How it became ready. */
  origin: 'built'
  /** Every try at every source, in order; all of them failed. */
  attempts: Attempt[]
}

/** An image that was built, is there under every tag, and was inspected. */
export interface BuiltImage extends BuildResult {
  imageId: string
}

/** What became of a build whose `outputs` were named. */
export interface BuildResult {
  /** First of the tags, canonical. Absent where the image has none, or is not in the engine's store. */
  reference?: string
  /** Every tag, canonical; none where no output is an image in the engine's store. */
  tags: string[]
  /** Who built it. */
  builder: 'buildkit' | 'classic'
  /**
   * Identifier in the engine's image store: `sha256:` and 64 hex digits. The digest of the image's configuration on a
   * graph driver, of its manifest or index on the containerd image store. Absent where no output is an image there.
   */
  imageId?: string
  /**
   * Digest of the manifest or index: `sha256:` and 64 hex digits. Absent where there is none, as on a graph driver
   * unless the image was pushed.
   */
  digest?: string
  /** Digest of the image's configuration. Absent where the builder does not say it. */
  configDigest?: string
  /** Platform of the image, such as `linux/amd64`. Absent where the engine does not say it, or has no such image. */
  platform?: string
  /** Size of the image on the engine's disk, in bytes, as the engine counts it; 0 where it has no such image. */
  sizeBytes: number
  /**
   * Everything that the exporters said, in BuildKit's words, such as `containerimage.digest` and `image.name`; empty with
   * the classic builder.
   */
  exporterResponse: Record<string, string>
  /** Where the image came from. */
  source: 'build'
  /** Always empty: a build asks no source. */
  attempts: Attempt[]
  /** Steps of the build. */
  steps: {
    /**
     * With BuildKit the instructions that make work, `FROM` among them, in all stages that are needed; `ENV` or `CMD` make
     * none. With the classic builder all instructions.
     */
    total: number
    /** Those whose result came from the cache. */
    cached: number
  }
  /** Time for the whole call, in milliseconds. */
  durationMs: number
  /** What should be known although the call succeeded. */
  warnings: Warning[]
}

/** What a check of a Dockerfile found. */
export interface BuildCheck {
  /** Every finding; none where all is well. */
  warnings: CheckWarning[]
}

/** One thing that a rule finds fault with. */
export interface CheckWarning {
  /** Name of the rule, such as `StageNameCasing`: <https://docs.docker.com/reference/build-checks/>. */
  rule: string
  /** What was found, in one line. */
  message: string
  /** What the rule asks for, in one line. */
  description: string
  /** Page that explains the rule. Absent where there is none. */
  url?: string
  /** First line of the Dockerfile that it is about, from 1. Absent where it is about none. */
  startLine?: number
  /** Last line of the Dockerfile that it is about, from 1. Absent where it is about none. */
  endLine?: number
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
   * `BUILD_WARNING` (in the engine's words; the rules of its lint begin with their name, such as `FromAsCasing: …`),
   * `PROGRESS_LOST` (the engine goes on, but tells no more), `CONTEXT_SOCKET` and `CONTEXT_FIFO` (BuildKit gets such an
   * entry, a socket as an empty file), `CONTEXT_SOCKET_SKIPPED` and `CONTEXT_DEVICE_SKIPPED` (the classic builder does
   * not), `CONTEXT_FILE_GREW`, `CACHE_NOT_FOUND` (a cache of `cacheFrom` is not used, and why), `CACHE_NOT_PUT` (a folder of
   * `cacheTo` with `ignore-error`), `STEP_FAILED` (something failed that the build can do without), `DOCKER_CONFIG_INVALID`
   * (settings of `docker` that cannot be used), `AUTH_FILE_INVALID` (an `auth.json` of Podman), `CREDENTIAL_HELPER` (one that
   * failed: its registry is asked without credentials), `CREDENTIALS_REFUSED` (a registry does not accept those that there
   * are, and was asked without), `NOT_UPDATED` (an image is used although its registry may have another, or could not be
   * asked), `LOG_LINES_DROPPED` (who is told, the listener or the display, is slower than the engine).
   * More may be added.
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

/**
 * The try failed; the same source is asked again, with `retryingAnonymously` at once and without the credentials that it did
 * not accept: one more than `attempts` allows, where it is the last.
 */
export interface AttemptRetryingEvent extends AttemptFields {
  phase: 'retrying' | 'retryingAnonymously'
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

/**
 * One layer of an image, or of a base image in a build, changed its state or moved bytes. No change of state is dropped;
 * byte counts may be.
 */
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
  /**
   * Time spent extracting, in milliseconds. Only where the engine counts time and not bytes: the containerd image store, and
   * builds with BuildKit.
   */
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
  /**
   * Whether the size of every layer is known, so that `totalBytes` does not grow any more. Never in a build, which comes to
   * its base images one after the other.
   */
  totalIsFinal: boolean
  /** Rate of the download over the last seconds, in bytes per second. Absent while unknown. */
  bytesPerSecond?: number
  /** Time until the download ends at this rate, in milliseconds. Absent while unknown. */
  etaMs?: number
}

/** The build context on its way to the engine. */
export interface ContextEvent {
  type: 'context'
  /**
   * Files sent so far. With BuildKit those whose content the engine does not have from an earlier build; with the classic
   * builder all, folders and links included.
   */
  filesSent: number
  /** Bytes sent so far, as they are transferred (compressed where compression is on). */
  bytesSent: number
  /** All files of the context, folders and links included. Absent until the walk has ended. */
  filesTotal?: number
  /** Whether the whole context has been sent. */
  done: boolean
}

/**
 * One step of a build changed its state. Steps are at work side by side. A step that goes on after it was done is `running`
 * again.
 */
export interface StepEvent {
  type: 'step'
  /** Identifier, unique within the build. */
  id: string
  /** The instruction, or what else is done (`exporting to image`), in the engine's words. */
  name: string
  /** Position from 1; BuildKit counts in each stage. Absent for work that no instruction asked for. */
  index?: number
  /** Number of steps. Absent where `index` is. */
  of?: number
  /** Where the step stands. `cached`: its result was taken from the cache. `canceled`: given up because the build was. */
  state: 'running' | 'cached' | 'done' | 'failed' | 'canceled'
  /** Build stage. Absent where the engine does not name it. */
  stage?: string
  /** Platform, such as `linux/arm64`. Only in a build for several. */
  platform?: string
  /** Time that the step took, in milliseconds, by the engine's clock. Absent with `running`. */
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

/** A message of the engine that belongs to no layer, such as `exporting layers` and `exporting layers: done after 0.3s`. */
export interface StatusEvent {
  type: 'status'
  /** Identifier of the step that it is about. Absent where it is about none. */
  step?: string
  /** One line, control sequences made harmless. */
  message: string
}

/** Something that does not stop the work but should be known. */
export interface WarningEvent extends Warning {
  type: 'warning'
}

/** Why a call failed. Codes are stable; docs/errors.md says what each means and what to do. */
export type ErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_REFERENCE'
  | 'DOCKERFILE_INVALID'
  | 'CONTEXT_INVALID'
  | 'OUTPUT_FAILED'
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
  operation:
    | 'connect'
    | 'ensureImage'
    | 'pullImage'
    | 'buildImage'
    | 'checkBuild'
    | 'diagnose'
    | 'imageExists'
    | 'inspectImage'
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
  /** The last whole lines that the failed step printed, oldest first, at most 20. With `BUILD_FAILED`. */
  logTail?: string[]
  /** Place in the Dockerfile that is at fault. */
  dockerfile?: {
    /** Path of the Dockerfile. Absent where it is no file. */
    path?: string
    /** First line at fault, from 1. */
    startLine: number
    /** Last line at fault, from 1. */
    endLine: number
    /**
     * The lines, marked, between some others, as `docker build` prints them: text of several lines. Absent where the engine
     * does not send them: the classic builder, Docker 20.10.
     */
    excerpt?: string
  }
  /** What lay below: for `LISTENER_FAILED` what the listener threw, for `DEADLINE` the last failure. */
  cause?: unknown
}
