'use strict'

const native = require('./native.js')
const { ShipwayError, failed, internal, listenerFailed } = require('./face/error.js')
const { clearOnInterrupt } = require('./face/interrupt.js')
const { Listener } = require('./face/listener.js')
const { onAbort } = require('./face/signal.js')
const {
  BUILD,
  DIAGNOSE,
  ENSURE,
  INSPECT,
  PULL,
  checkOptions,
  toNative,
} = require('./face/options.js')

async function ensureImage(image, options) {
  return await call('ensureImage', ENSURE, image, options, (operation, checked, listener) =>
    native.ensureImage(operation, image, checked, listener),
  )
}

async function pullImage(image, options) {
  return await call('pullImage', PULL, image, options, (operation, checked, listener) =>
    native.pullImage(operation, image, checked, listener),
  )
}

async function buildImage(options) {
  return await call('buildImage', BUILD, undefined, options, (operation, checked, listener) =>
    native.buildImage(operation, checked, listener),
  )
}

async function checkBuild(options) {
  return await call('checkBuild', BUILD, undefined, options, (operation, checked) =>
    native.checkBuild(operation, checked),
  )
}

async function diagnose(options) {
  const { node } = process.versions
  const text = await call('diagnose', DIAGNOSE, undefined, options, (operation, checked) =>
    native.diagnose(operation, { ...checked, node }),
  )
  return JSON.parse(text)
}

async function imageExists(image, options) {
  return (await lookUp('imageExists', image, options)) !== null
}

async function inspectImage(image, options) {
  return await lookUp('inspectImage', image, options)
}

async function lookUp(verb, image, options) {
  const found = await call(verb, INSPECT, image, options, (operation, checked) =>
    native.inspectImage(operation, image, checked),
  )
  return found.image ?? null
}

/** Runs one operation of the binding. Errors are made here and not there, so that their stack leads to the caller. */
async function call(verb, schema, image, options, start) {
  const checked = checkOptions(verb, schema, image, options)
  const { signal, onProgress, progress } = checked
  if (signal?.aborted) throw signal.reason
  const operation = new native.Operation()
  const cancel = () => operation.cancel()
  const listener = onProgress && new Listener(onProgress, cancel)
  const display = native.chooseDisplay(progress, onProgress !== undefined)
  const settled = display === 'tty' ? clearOnInterrupt(operation) : () => {}
  let forget
  let outcome
  try {
    if (signal) forget = onAbort(signal, cancel)
    outcome = await start(operation, toNative(checked, display), listener?.take)
  } catch (error) {
    throw internal(verb, error)
  } finally {
    listener?.close()
    settled()
    forget?.()
  }
  if (listener?.failure) throw listenerFailed(verb, listener.failure.cause)
  if (outcome.ok) return outcome.ok
  if (outcome.error) throw failed(verb, outcome.error)
  if (signal?.aborted) throw signal.reason
  throw new DOMException('the operation was interrupted', 'AbortError')
}

module.exports = {
  ShipwayError,
  buildImage,
  checkBuild,
  diagnose,
  ensureImage,
  imageExists,
  inspectImage,
  pullImage,
}
