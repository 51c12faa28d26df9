/** Runs one step of `up` and prints how long it took; `slow` names what a first run waits for. */
export async function step(name, work, { slow } = {}) {
  const start = performance.now()
  if (slow) console.log(`     ...   ${name} (${slow})`)
  const result = await work()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${seconds.padStart(7)} s   ${name}`)
  return result
}
