import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 5
const NANOSECONDS = 1e6

/** Watches how late the event loop of this process is; the function that it returns ends that and tells. */
export function watchLoop() {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  return () => {
    delay.disable()
    // What is recorded is the time from one timer to the next.
    const late = (nanoseconds) => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS)
    return { p99Ms: late(delay.percentile(99)), maxMs: late(delay.max) }
  }
}
