'use strict'

// A check takes a value and its name, and returns null or a sentence that says what is wrong.

const check = (isValid, wanted, shown) => (value, name) =>
  isValid(value) ? null : `\`${name}\` must be ${wanted}, got ${shown(value)}`

/** Shows what a value is, never what it says: it may be a secret in the wrong place. */
function kindOf(value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  const type = typeof value
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function show(value) {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : kindOf(value)
}

/** An object whose fields are its own: what a class or a prototype holds would not be seen. */
function isRecord(value) {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  // Of another realm the prototype is another object, but has none of its own either.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const ofType = (type) => check((value) => typeof value === type, `a ${type}`, kindOf)

const oneOf = (...names) =>
  check((value) => names.includes(value), names.map((name) => `'${name}'`).join(', '), show)

const matching = (pattern, wanted) =>
  check((value) => typeof value === 'string' && pattern.test(value), wanted, show)

/** A number within bounds; `isUnlimited` allows `Infinity` and `null`, which mean no limit. */
function number(min, max, { isInteger = false, isUnlimited = false } = {}) {
  const isValid = (value) =>
    (isUnlimited && (value === null || value === Infinity)) ||
    (Number.isFinite(value) && value >= min && value <= max && !(isInteger && value % 1 !== 0))
  const kind = isInteger ? 'an integer' : 'a number'
  return check(isValid, `${kind} from ${min} to ${max}${isUnlimited ? ' or Infinity' : ''}`, show)
}

/** A text that no message shows. */
const secret = check(
  (value) => typeof value === 'string' && value !== '',
  'a string that is not empty',
  kindOf,
)

const signal = check(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof value.aborted === 'boolean' &&
    typeof value.addEventListener === 'function' &&
    typeof value.removeEventListener === 'function',
  'an AbortSignal',
  kindOf,
)

const name = matching(/./s, 'a string that is not empty')
const flag = ofType('boolean')

const array = check(Array.isArray, 'an array', kindOf)
const record = check(isRecord, 'a plain object', kindOf)

const listOf = (item) => (value, name) =>
  array(value, name) ??
  // A hole in an array is an element too.
  first(Array.from(value, (element, index) => () => item(element, `${name}[${index}]`)))

/** An object whose keys the caller chooses. One with the value `undefined` counts as absent. */
const mapOf = (item) => (value, name) =>
  record(value, name) ??
  first(
    Object.entries(value).map(
      ([key, element]) =>
        () =>
          element === undefined ? null : item(element, `${name}.${key}`),
    ),
  )

/** An object whose keys are known. A key with the value `undefined` counts as absent. */
const shape = (fields) => (value, name) =>
  record(value, name) ??
  first(
    Object.entries(value).map(([key, element]) => () => {
      const label = name === 'options' ? key : `${name}.${key}`
      if (!Object.hasOwn(fields, key)) {
        return `\`${label}\` is not an option; there are ${Object.keys(fields).toSorted().join(', ')}`
      }
      return element === undefined ? null : fields[key](element, label)
    }),
  )

/** An object whose `type` says which further keys there are, and which of those there must be. */
const variant = (shapes) => (value, name) =>
  record(value, name) ??
  oneOf(...Object.keys(shapes))(value.type, `${name}.type`) ??
  first([
    () => shapes[value.type].fields(value, name),
    ...shapes[value.type].needs.map((key) => () => {
      return value[key] === undefined ? `\`${name}\` needs \`${key}\`` : null
    }),
  ])

function first(checks) {
  for (const run of checks) {
    const complaint = run()
    if (complaint !== null) return complaint
  }
  return null
}

/** Returns an object without the keys whose value is `undefined`, each other value converted. */
function mapValues(map, convert = (value) => value) {
  if (map === undefined) return undefined
  const entries = Object.entries(map).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([key, value]) => [key, convert(value)]))
}

module.exports = {
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
  variant,
}
