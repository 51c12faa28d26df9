import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10
const NANOSECONDS = 1e6

/** Does the work that the command line describes, and prints how late the event loop was meanwhile. */
export async function watched(work) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  await work(JSON.parse(process.argv[2]))
  delay.disable()
  // What is recorded is the time from one timer to the next.
  const late = (nanoseconds) => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS)
  const loop = { loopP99Ms: late(delay.percentile(99)), loopMaxMs: late(delay.max) }
  process.stdout.write(JSON.stringify(loop))
}
