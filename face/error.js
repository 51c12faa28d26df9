'use strict'

class ShipwayError extends Error {
  constructor(message, { cause, ...details }) {
    super(message, cause === undefined ? undefined : { cause })
    Object.assign(this, details)
  }
}

// As with the errors of the language: on the prototype, and not listed among the fields.
Object.defineProperty(ShipwayError.prototype, 'name', {
  value: 'ShipwayError',
  writable: true,
  configurable: true,
})

/** Makes the error of a failure that the binding reports. */
function failed(verb, { message, operation, causes, ...details }) {
  return new ShipwayError(message, {
    ...details,
    // Both look-ups are one for the library.
    operation: operation === 'connect' ? operation : verb,
    cause: causes.reduceRight((cause, { code, message: text }) => {
      const options = cause === undefined ? {} : { cause }
      if (code === undefined) return new Error(text, options)
      return new ShipwayError(text, { code, operation: verb, retryable: false, ...options })
    }, undefined),
  })
}

function invalidOption(verb, message, hint, cause) {
  const details = { code: 'INVALID_OPTION', operation: verb, retryable: false, cause }
  return new ShipwayError(message, hint === undefined ? details : { ...details, hint })
}

function listenerFailed(verb, cause) {
  return new ShipwayError('the progress listener failed, so the work was cancelled', {
    code: 'LISTENER_FAILED',
    operation: verb,
    retryable: false,
    hint: 'correct the listener: `cause` is what it threw',
    cause,
  })
}

function internal(verb, cause) {
  return new ShipwayError(`the binding failed: ${cause?.message ?? cause}`, {
    code: 'INTERNAL',
    operation: verb,
    retryable: false,
    hint: 'please report this as a bug',
    cause,
  })
}

module.exports = { ShipwayError, failed, internal, invalidOption, listenerFailed }
