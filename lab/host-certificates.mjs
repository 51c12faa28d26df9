import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
const SHIPPED_BY_DEBIAN = '/usr/share/ca-certificates/mozilla'
const ADDED_BY_HAND = '/usr/local/share/ca-certificates'

/**
 * Returns the certificate authorities (PEM) that this machine trusts and a plain Debian image does not.
 * A build that downloads over HTTPS needs them where a proxy signs with a certificate of its own.
 */
export function hostCertificates() {
  const shipped = new Set(readFolder(SHIPPED_BY_DEBIAN).map(fingerprint))
  // Without Debian's own list, every public authority would look like an addition.
  const trusted = shipped.size > 0 ? readBundle(BUNDLE) : []
  const added = new Map()
  for (const pem of [...trusted, ...readFolder(ADDED_BY_HAND)]) {
    if (!shipped.has(fingerprint(pem))) added.set(fingerprint(pem), pem)
  }
  return [...added.values()]
}

function readFolder(folder) {
  const names = attempt(() => readdirSync(folder, { recursive: true })) ?? []
  return names
    .filter((name) => name.endsWith('.crt'))
    .flatMap((name) => readBundle(join(folder, name)))
}

function readBundle(file) {
  const text = attempt(() => readFileSync(file, 'utf8')) ?? ''
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => `${block}\n`)
}

const fingerprint = (pem) => new X509Certificate(pem).fingerprint256

function attempt(read) {
  try {
    return read()
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}
