import { createReadStream, readFileSync } from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { caFile } from './certificates.mjs'
import { readJson } from './files.mjs'
import { REGISTRIES } from './network.mjs'

/** Opens one of the lab's registries; `key` is one of `dockerHub`, `ghcr`, `plain`. */
export function openRegistry(paths, key) {
  const { address, port } = readJson(paths.network)[key]
  const hostName = REGISTRIES[key].hostNames[0]
  const options = { host: address, port, agent: false }
  if (hostName) Object.assign(options, { servername: hostName, ca: readFileSync(caFile(paths)) })
  const host = hostName ?? `${address}:${port}`
  return { send: hostName ? https.request : http.request, options, host }
}

/** Pushes an image: its blobs, each manifest by digest, and at last the named one by its tag. */
export async function pushImage(registry, repository, tag, { blobs, manifests }) {
  for (const blob of blobs) await pushBlob(registry, repository, blob)
  for (const [index, manifest] of manifests.entries()) {
    const name = index === manifests.length - 1 ? tag : manifest.digest
    await ask(registry, 'PUT', `/v2/${repository}/manifests/${name}`, {
      headers: { 'content-type': manifest.mediaType },
      body: manifest,
      expected: [201],
    })
  }
}

async function pushBlob(registry, repository, blob) {
  const path = `/v2/${repository}/blobs`
  const head = await ask(registry, 'HEAD', `${path}/${blob.digest}`, { expected: [200, 404] })
  if (head.statusCode === 200) return
  const begun = await ask(registry, 'POST', `${path}/uploads/`, { expected: [202] })
  const upload = new URL(begun.headers.location, `https://${registry.host}`)
  upload.searchParams.set('digest', blob.digest)
  const headers = { 'content-type': 'application/octet-stream' }
  const target = upload.pathname + upload.search
  await ask(registry, 'PUT', target, { headers, body: blob, expected: [201] })
}

async function ask(registry, method, path, { headers = {}, body, expected }) {
  const sent = registry.send({
    ...registry.options,
    method,
    path,
    headers: {
      ...headers,
      host: registry.host,
      'user-agent': 'shipway-lab',
      'content-length': body?.size ?? 0,
    },
  })
  const answered = new Promise((resolve, reject) => {
    sent.once('response', resolve)
    sent.once('error', reject)
  })
  // The answer tells more than a broken pipe, when the registry refuses a body before its end.
  const written = body ? pipeline(content(body), sent).catch(() => {}) : sent.end()
  const response = await answered
  await written
  const text = Buffer.concat(await response.toArray()).toString()
  if (expected.includes(response.statusCode)) return response
  throw new Error(
    `registry ${registry.host} answered ${response.statusCode} to ${method} ${path}: ${text}`,
  )
}

const content = ({ file, bytes }) => (file ? createReadStream(file) : Readable.from([bytes]))
