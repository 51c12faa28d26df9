'use strict'

const path = require('node:path')
const {
  first,
  isRecord,
  listOf,
  mapOf,
  matching,
  number,
  ofType,
  oneOf,
  shape,
  signal,
} = require('./check.js')
const { invalidOption } = require('./error.js')

/** About 24.8 days: the longest time that a timer of Node takes. */
const MAX_MS = 2 ** 31 - 1

const text = ofType('string')
const name = matching(/./s, 'a string that is not empty')
const flag = ofType('boolean')
const host = matching(/^[^\s:]+:\S+$/, "a string like 'host:address'")

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

const PULL = shape({ ...SHARED, fallbacks: listOf(text) })

const BUILD = shape({
  ...SHARED,
  addHosts: listOf(host),
  buildArgs: mapOf(text),
  compression: oneOf('auto', 'gzip', 'none'),
  contextDirectory: name,
  contextUrl: name,
  dockerfile: name,
  dockerfileInline: text,
  labels: mapOf(text),
  network: text,
  noCache: flag,
  opencode: shape({
    caCertificates: listOf(text),
    proxy: shape({ http: text, https: text, no: text }),
    version: text,
  }),
  pull: flag,
  tags: listOf(text),
  target: text,
})

/** Pairs of options of which only one can be meant. */
const RIVALS = [
  ['dockerfile', 'dockerfileInline'],
  ['contextUrl', 'contextDirectory'],
  ['opencode', 'contextDirectory'],
  ['opencode', 'contextUrl'],
  ['opencode', 'dockerfile'],
  ['opencode', 'dockerfileInline'],
]

/** Returns a copy of valid options. Throws the error of the first thing that is wrong. */
function checkOptions(verb, schema, image, options = {}) {
  let complaint
  try {
    complaint =
      (image === undefined ? null : text(image, 'image')) ??
      schema(options, 'options') ??
      contradiction(options)
    if (complaint === null) return { ...options }
  } catch (cause) {
    // A getter or a proxy of the caller failed.
    throw invalidOption(verb, 'invalid option: the options cannot be read', undefined, cause)
  }
  const isMisplaced = verb !== 'buildImage' && isRecord(image)
  const hint = isMisplaced ? 'the options are the second argument' : undefined
  throw invalidOption(verb, `invalid option: ${complaint}`, hint)
}

function contradiction(options) {
  const has = (name) => options[name] !== undefined
  const rivals = RIVALS.map(([name, other]) => () => {
    return has(name) && has(other) ? `\`${name}\` contradicts \`${other}\`: give one of them` : null
  })
  return first([
    ...rivals,
    () =>
      has('dockerfile') && !has('contextDirectory') && !has('contextUrl')
        ? '`dockerfile` needs the context that it builds: `contextDirectory` or `contextUrl`'
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
  const { contextDirectory, timeouts } = options
  return {
    ...options,
    display: display ?? undefined,
    contextDirectory: contextDirectory === undefined ? undefined : path.resolve(contextDirectory),
    timeouts: timeouts && {
      ...timeouts,
      stallMs: timeouts.stallMs === null ? Infinity : timeouts.stallMs,
      totalMs: timeouts.totalMs === null ? Infinity : timeouts.totalMs,
    },
  }
}

module.exports = { BUILD, INSPECT, PULL, checkOptions, toNative }
