'use strict'

/** Stands between the binding, whose listener must not throw, and the caller's listener, which may. */
class Listener {
  #onProgress
  #cancel
  #isClosed = false

  /** What the caller's listener failed with, as `{ cause }`. */
  failure = null

  constructor(onProgress, cancel) {
    this.#onProgress = onProgress
    this.#cancel = cancel
  }

  /** Takes a batch as JSON text. Returns a promise, which never rejects, when the caller's listener returned one. */
  take = (batch) => {
    if (this.#isClosed || this.failure) return undefined
    try {
      const returned = this.#onProgress.call(undefined, JSON.parse(batch))
      if (typeof returned?.then !== 'function') return undefined
      return Promise.resolve(returned).then(
        () => undefined,
        (cause) => this.#fail(cause),
      )
    } catch (cause) {
      return this.#fail(cause)
    }
  }

  /** Ends the calls: a batch that is still on its way is dropped. */
  close() {
    this.#isClosed = true
  }

  #fail(cause) {
    this.failure ??= { cause }
    this.#cancel()
  }
}

module.exports = { Listener }
