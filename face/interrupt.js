'use strict'

const drawing = new Set()
let isInterrupted = false

/**
 * Lets Ctrl-C clear the bars of `operation` before it ends the process, as it would have done without them. Returns what
 * to call when the operation has ended. Where the program itself listens for SIGINT, the program decides.
 */
function clearOnInterrupt(operation) {
  if (drawing.size === 0) {
    if (process.listenerCount('SIGINT') > 0) return () => {}
    process.once('SIGINT', interrupt)
  }
  drawing.add(operation)
  return () => {
    drawing.delete(operation)
    if (drawing.size > 0) return
    process.removeListener('SIGINT', interrupt)
    if (!isInterrupted) return
    isInterrupted = false
    // By signal, so that a shell which runs the program in a loop stops too.
    process.kill(process.pid, 'SIGINT')
  }
}

function interrupt() {
  if (process.listenerCount('SIGINT') > 0) return
  isInterrupted = true
  for (const operation of drawing) operation.cancel()
}

module.exports = { clearOnInterrupt }
