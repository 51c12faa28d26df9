import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

import { lab } from './engines.ts'

/** The lab's registry without TLS and without a login, as engines call it. */
export const plainRegistry = lab
  ? `${lab.registries.plain.address}:${lab.registries.plain.port}`
  : ''

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ')

/** Digest of what a reference of the registry names; null where it names nothing. */
export async function pushedDigest(reference: string): Promise<string | null> {
  const response = await ask('HEAD', manifestUrl(reference))
  return response.statusCode === 200 ? String(response.headers['docker-content-digest']) : null
}

/** Deletes what references of the registry name. */
export async function forgetPushed(...references: string[]): Promise<void> {
  for (const reference of references) {
    const digest = await pushedDigest(reference)
    if (digest === null) continue
    const url = manifestUrl(reference)
    await ask('DELETE', url.slice(0, url.lastIndexOf('/') + 1) + digest)
  }
}

function manifestUrl(reference: string): string {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? []
  return `http://${host}/v2/${repository}/manifests/${tag}`
}

async function ask(method: string, url: string): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method, headers: { accept: MANIFESTS }, agent: false }, resolve)
      .once('error', reject)
      .end()
  })
  await text(response)
  return response
}
