// One client at its limit: does the work that the command line describes, and prints what it took.
import { setTimeout as wait } from 'node:timers/promises'
import { watchLoop } from '../loop-delay.mjs'

const LOOK_MS = 50

/** Part of the run at which memory is first compared, when everything is in motion. */
const EARLY = 0.25

const task = JSON.parse(process.argv[2])
const { work } = await import(`./limits-${task.client}.mjs`)
// What loading has left behind is not the work's.
await wait(200)
const counts = { events: 0, batches: 0, largestBatch: 0, lost: 0 }
const tell = (events, isLoss = 0) => {
  counts.batches += 1
  counts.events += events
  counts.largestBatch = Math.max(counts.largestBatch, events)
  counts.lost += isLoss
}
const memory = []
const looks = setInterval(() => memory.push(process.memoryUsage.rss()), LOOK_MS)
const told = watchLoop()
const cpu = process.cpuUsage()
const start = performance.now()
await work(task, tell)
const wallMs = performance.now() - start
const { user, system } = process.cpuUsage(cpu)
const { p99Ms, maxMs } = told()
clearInterval(looks)
memory.push(process.memoryUsage.rss())
process.stdout.write(
  JSON.stringify({
    wallMs,
    cpuMs: (user + system) / 1000,
    loopP99Ms: p99Ms,
    loopMaxMs: maxMs,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    earlyBytes: memory[Math.floor(memory.length * EARLY)],
    lateBytes: Math.max(...memory.slice(-5)),
    ...counts,
  }),
)
