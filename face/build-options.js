'use strict'

const path = require('node:path')
const {
  first,
  listOf,
  mapOf,
  mapValues,
  matching,
  name,
  number,
  oneOf,
  shape,
} = require('./check.js')

/** What napi-rs hands over without loss, and more than any limit of a system. */
const MAX_COUNT = Number.MAX_SAFE_INTEGER

/** The last second of the year 9999: the configuration of an image has no later time. */
const LAST_SECOND = 253_402_300_799

const count = (min) => number(min, MAX_COUNT, { isInteger: true })

const bytes = (value, label) =>
  typeof value === 'string' || value instanceof Uint8Array
    ? null
    : `\`${label}\` must be a string or a Uint8Array`

const limit = shape({ soft: count(-1), hard: count(-1) })

const ulimit = (value, label) =>
  typeof value === 'number'
    ? count(-1)(value, label)
    : (limit(value, label) ??
      first(
        ['soft', 'hard'].map(
          (field) => () => (value[field] === undefined ? `\`${label}.${field}\` is missing` : null),
        ),
      ) ??
      (value.hard !== -1 && (value.soft > value.hard || value.soft === -1)
        ? `\`${label}.soft\` is above \`${label}.hard\``
        : null))

const SECRET_SOURCES = ['file', 'environment', 'value']

const secret = (value, label) => {
  const complaint = shape({ environment: name, file: name, value: bytes })(value, label)
  if (complaint !== null) return complaint
  const given = SECRET_SOURCES.filter((source) => value[source] !== undefined)
  return given.length === 1
    ? null
    : `\`${label}\` must have one of ${SECRET_SOURCES.join(', ')}, got ${given.length}`
}

const agent = (value, label) =>
  value === true || (typeof value === 'string' && value !== '')
    ? null
    : `\`${label}\` must be true or the path of a socket`

const provenance = (value, label) =>
  typeof value === 'boolean' ? null : oneOf('min', 'max')(value, label)

const sbom = (value, label) =>
  typeof value === 'boolean' ? null : shape({ generator: name })(value, label)

/** Options of `buildImage` beside the shared ones, with their checks. */
const FIELDS = {
  allow: listOf(
    matching(
      /^(?:network\.host|security\.insecure|device(?:=.+)?)$/,
      "'network.host', 'security.insecure' or 'device'",
    ),
  ),
  attestations: shape({ provenance, sbom }),
  builder: oneOf('auto', 'buildkit', 'classic'),
  cgroupParent: name,
  contextFiles: mapOf(bytes),
  noCacheFilter: listOf(name),
  secrets: mapOf(secret),
  shmSizeBytes: count(1),
  sourceDateEpoch: number(0, LAST_SECOND, { isInteger: true }),
  ssh: mapOf(agent),
  ulimits: mapOf(ulimit),
}

/** What is wrong with options that are each right. */
function contradiction(options, prefix) {
  return first([
    () =>
      options.noCache === true && (options.noCacheFilter?.length ?? 0) > 0
        ? `\`${prefix}noCache\` contradicts \`${prefix}noCacheFilter\`: give one of them`
        : null,
  ])
}

/** Returns these options as the binding takes them. */
function toNative({ attestations, buildArgs, contextFiles, labels, secrets, ssh, ulimits }) {
  return {
    attestations: attestations && {
      provenance: provenanceOf(attestations.provenance),
      sbom: sbomOf(attestations.sbom),
    },
    buildArgs: mapValues(buildArgs),
    contextFiles: mapValues(contextFiles, toBuffer),
    labels: mapValues(labels),
    secrets: mapValues(secrets, ({ environment, file, value }) => ({
      environment,
      file: file === undefined ? undefined : path.resolve(file),
      value: value === undefined ? undefined : toBuffer(value),
    })),
    ssh: mapValues(ssh, (socket) => (socket === true ? '' : path.resolve(socket))),
    ulimits: mapValues(ulimits, (value) =>
      typeof value === 'number' ? { soft: value, hard: value } : value,
    ),
  }
}

function provenanceOf(value) {
  if (value === undefined || typeof value === 'string') return value
  return value ? 'min' : 'off'
}

function sbomOf(value) {
  if (value === undefined || value === false) return undefined
  return value === true ? {} : value
}

function toBuffer(value) {
  if (typeof value === 'string') return Buffer.from(value)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

module.exports = { FIELDS, contradiction, toNative }
