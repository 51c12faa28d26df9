'use strict'

/** What to call for each signal; one listener serves them all, so that no signal warns of many. */
const cancels = new WeakMap()

/** Calls `cancel` when `signal` is aborted. Returns what to call when that is not wanted any more. */
function onAbort(signal, cancel) {
  const known = cancels.get(signal)
  if (known) {
    known.all.add(cancel)
    return () => forget(signal, known, cancel)
  }
  const all = new Set([cancel])
  const entry = { all, listen: () => [...all].forEach((each) => each()) }
  signal.addEventListener('abort', entry.listen, { once: true })
  cancels.set(signal, entry)
  return () => forget(signal, entry, cancel)
}

function forget(signal, entry, cancel) {
  entry.all.delete(cancel)
  if (entry.all.size > 0) return
  cancels.delete(signal)
  signal.removeEventListener('abort', entry.listen)
}

module.exports = { onAbort }
