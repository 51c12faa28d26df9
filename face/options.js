'use strict'

const path = require('node:path')
const build = require('./build-options.js')
const {
  first,
  flag,
  isRecord,
  listOf,
  mapOf,
  mapValues,
  matching,
  name,
  number,
  ofType,
  oneOf,
  secret,
  shape,
  signal,
} = require('./check.js')
const { invalidOption } = require('./error.js')
const { CACHE_FROM, CACHE_TO, OUTPUT, resolvePlaces } = require('./places.js')

/** About 24.8 days: the longest time that a timer of Node takes. */
const MAX_MS = 2 ** 31 - 1

const text = ofType('string')
const host = matching(/^[^\s:]+:\S+$/, "a string like 'host:address'")

/** A registry's host, or what `docker login` has for Docker Hub. */
const REGISTRY = /^(?:[\da-z.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$|^https:\/\/index\.docker\.io\/v1\/$/i

/** A version as npm has it; ranges and tags such as `latest` are none (<https://semver.org/spec/v2.0.0.html>). */
const VERSION = /^\d+\.\d+\.\d+(?:-[\da-z.-]+)?$/i

const login = (value, name) =>
  shape({ identityToken: secret, password: secret, registryToken: secret, username: secret })(
    value,
    name,
  ) ??
  (['password,username', 'identityToken', 'registryToken'].includes(given(value))
    ? null
    : `\`${name}\` must have \`username\` and \`password\`, or \`identityToken\`, or \`registryToken\`, and nothing else`)

/** Other keys are not shown: they may be URLs with a password. */
const credentials = (value, name) =>
  isRecord(value) && !Object.keys(value).every((key) => REGISTRY.test(key))
    ? `the keys of \`${name}\` must be registries like 'ghcr.io' or 'localhost:5000'`
    : mapOf(login)(value, name)

const given = (value) =>
  Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted()
    .join()

const SHARED = {
  engine: name,
  onProgress: ofType('function'),
  platform: text,
  progress: oneOf('auto', 'tty', 'plain', 'json', 'quiet'),
  retry: shape({
    attempts: number(1, 100, { isInteger: true }),
    initialDelayMs: number(0, MAX_MS),
    jitter: flag,
    maxDelayMs: number(0, MAX_MS),
  }),
  signal,
  timeouts: shape({
    connectMs: number(1, MAX_MS),
    stallMs: number(1, MAX_MS, { isUnlimited: true }),
    totalMs: number(1, MAX_MS, { isUnlimited: true }),
  }),
}

const INSPECT = shape(SHARED)

const PULL = shape({ ...SHARED, credentials, fallbacks: listOf(text) })

const DIAGNOSE = shape({ ...SHARED, credentials, images: listOf(text) })

/** What says how an image is built, and none of the call. */
const HOW = {
  ...build.FIELDS,
  addHosts: listOf(host),
  buildArgs: mapOf(text),
  cacheFrom: listOf(CACHE_FROM),
  cacheTo: listOf(CACHE_TO),
  compression: oneOf('auto', 'gzip', 'none'),
  contextArchive: name,
  contextDirectory: name,
  contextUrl: name,
  contexts: mapOf(name),
  dockerfile: name,
  dockerfileInline: text,
  labels: mapOf(text),
  network: text,
  noCache: flag,
  opencode: shape({
    caCertificates: listOf(text),
    proxy: shape({ http: text, https: text, no: text }),
    version: matching(VERSION, "an exact version like '1.18.18'"),
  }),
  pull: flag,
  target: text,
}

const BUILD = shape({
  ...SHARED,
  ...HOW,
  credentials,
  outputs: listOf(OUTPUT),
  platforms: listOf(text),
  tags: listOf(text),
})

const HOW_SHAPE = shape(HOW)

const ENSURE = shape({
  ...SHARED,
  build: (value, name) =>
    typeof value === 'boolean'
      ? null
      : (HOW_SHAPE(value, name) ?? contradiction(value, `${name}.`)),
  credentials,
  fallbacks: listOf(text),
  policy: oneOf('missing', 'always', 'newer', 'never'),
})

/** Options that name a context. */
const CONTEXTS = ['contextArchive', 'contextDirectory', 'contextFiles', 'contextUrl']

/** Pairs of options of which only one can be meant. */
const RIVALS = [
  ...CONTEXTS.flatMap((one, index) => CONTEXTS.slice(index + 1).map((other) => [one, other])),
  ...[...CONTEXTS, 'dockerfile', 'dockerfileInline'].map((other) => ['opencode', other]),
  ['dockerfile', 'dockerfileInline'],
  ['platforms', 'platform'],
]

/** Returns a copy of valid options. Throws the error of the first thing that is wrong. */
function checkOptions(verb, schema, image, options = {}) {
  let complaint
  try {
    complaint =
      (image === undefined ? null : text(image, 'image')) ??
      schema(options, 'options') ??
      contradiction(options)
    if (complaint === null) return schema === ENSURE ? orOpencode(image, options) : { ...options }
  } catch (cause) {
    // A getter or a proxy of the caller failed.
    throw invalidOption(verb, 'invalid option: the options cannot be read', undefined, cause)
  }
  const isMisplaced = image !== undefined && isRecord(image)
  const hint = isMisplaced ? 'the options are the second argument' : undefined
  throw invalidOption(verb, `invalid option: ${complaint}`, hint)
}

/** What is wrong with options that are each right; `prefix` is where they are. */
function contradiction(options, prefix = '') {
  const has = (name) => options[name] !== undefined
  const rivals = RIVALS.map(([name, other]) => () => {
    return has(name) && has(other)
      ? `\`${prefix}${name}\` contradicts \`${prefix}${other}\`: give one of them`
      : null
  })
  return first([
    ...rivals,
    () => build.contradiction(options, prefix),
    () =>
      has('dockerfile') && !CONTEXTS.some(has)
        ? `\`${prefix}dockerfile\` needs the context that it builds: one of ${CONTEXTS.join(', ')}`
        : null,
    () => {
      const { initialDelayMs = 0, maxDelayMs = Infinity } = options.retry ?? {}
      return initialDelayMs > maxDelayMs
        ? `\`retry.initialDelayMs\` is above \`retry.maxDelayMs\`: ${initialDelayMs} > ${maxDelayMs}`
        : null
    },
  ])
}

/** Returns the options as the binding takes them; it ignores what is not for it. */
function toNative(options, display) {
  return { ...toNativeBuild(options), build: wantedBuild(options), display: display ?? undefined }
}

/** What an image is built from that no source has. */
function wantedBuild({ build: wanted = false }) {
  if (wanted === false) return undefined
  return wanted === true ? {} : toNativeBuild(wanted)
}

/** The opencode image, which has no other name here, is built where nobody has said whether. */
function orOpencode(image, options) {
  const isUnsaid = image === undefined && options.build === undefined && options.policy !== 'never'
  return isUnsaid ? { ...options, build: true } : { ...options }
}

function toNativeBuild(options) {
  const { contextDirectory, credentials, timeouts } = options
  return {
    ...options,
    ...build.toNative(options),
    ...resolvePlaces(options),
    credentials: mapValues(credentials),
    contextDirectory: contextDirectory === undefined ? undefined : path.resolve(contextDirectory),
    timeouts: timeouts && {
      ...timeouts,
      stallMs: timeouts.stallMs === null ? Infinity : timeouts.stallMs,
      totalMs: timeouts.totalMs === null ? Infinity : timeouts.totalMs,
    },
  }
}

module.exports = { BUILD, DIAGNOSE, ENSURE, INSPECT, PULL, checkOptions, toNative }
