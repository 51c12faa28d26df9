import { watchLoop } from '../loop-delay.mjs'

/** Does the work that the command line describes, and prints how late the event loop was meanwhile. */
export async function watched(work) {
  const told = watchLoop()
  await work(JSON.parse(process.argv[2]))
  const { p99Ms, maxMs } = told()
  process.stdout.write(JSON.stringify({ loopP99Ms: p99Ms, loopMaxMs: maxMs }))
}
