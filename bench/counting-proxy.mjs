import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Runs `work` with the endpoint of a way to `endpoint` that counts; resolves to the bytes that went to the engine. */
export async function countBytes(endpoint, work) {
  const target = new URL(endpoint).pathname
  const file = path.join(tmpdir(), `shipway-bench-${process.pid}.sock`)
  let bytes = 0
  const server = createServer((client) => {
    const engine = connect(target)
    client.on('data', (chunk) => (bytes += chunk.length))
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ]) {
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(file, resolve)
  })
  try {
    await work(`unix://${file}`)
  } finally {
    await new Promise((resolve) => server.close(resolve))
    rmSync(file, { force: true })
  }
  return bytes
}
