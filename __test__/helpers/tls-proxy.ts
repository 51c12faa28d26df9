import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createServer } from 'node:tls'

import type { Engine } from './engines.ts'

/** Certificates of an authority that was made for a test, in folders as `DOCKER_CERT_PATH` names them. */
export interface Certificates {
  /** Certificate and key of a server at 127.0.0.1. */
  server: string
  /** What a client needs. */
  client: string
  /** The authority alone. */
  authorityOnly: string
  /** What a client of another authority has. */
  stranger: string
  remove(): void
}

/** Makes certificates with openssl. */
export function makeCertificates(): Certificates {
  const root = mkdtempSync(path.join(tmpdir(), 'shipway-tls-'))
  const folder = (name: string) => {
    const made = path.join(root, name)
    mkdirSync(made)
    return made
  }
  const [server, client, authorityOnly, stranger, ca, otherCa] = [
    'server',
    'client',
    'authority-only',
    'stranger',
    'ca',
    'other-ca',
  ].map(folder) as [string, string, string, string, string, string]
  for (const each of [ca, otherCa]) {
    const extension = ['-addext', 'basicConstraints=critical,CA:TRUE']
    openssl(['req', '-x509'], KEY, SUBJECT, extension, into(each, 'key.pem', 'ca.pem'))
  }
  for (const [each, authority] of [
    [server, ca],
    [client, ca],
    [stranger, otherCa],
  ] as const) {
    const extensions = path.join(each, 'extensions')
    writeFileSync(
      extensions,
      'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
    )
    openssl(['req'], KEY, SUBJECT, into(each, 'key.pem', 'request.pem'))
    openssl(
      ['x509', '-req', '-in', path.join(each, 'request.pem'), '-extfile', extensions],
      ['-CA', path.join(authority, 'ca.pem'), '-CAkey', path.join(authority, 'key.pem')],
      ['-CAcreateserial', '-out', path.join(each, 'cert.pem')],
    )
    copyFileSync(path.join(authority, 'ca.pem'), path.join(each, 'ca.pem'))
  }
  copyFileSync(path.join(ca, 'ca.pem'), path.join(authorityOnly, 'ca.pem'))
  const remove = () => rmSync(root, { recursive: true })
  return { server, client, authorityOnly, stranger, remove }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const SUBJECT = ['-subj', '/CN=shipway test']

const into = (folder: string, key: string, out: string) => [
  '-keyout',
  path.join(folder, key),
  '-out',
  path.join(folder, out),
]

const openssl = (...args: string[][]) => execFileSync('openssl', args.flat(), { stdio: 'pipe' })

/** An engine's socket as an engine over TLS has it: only for clients with a certificate of the authority. */
export interface TlsProxy {
  port: number
  close(): void
}

export async function startTlsProxy(engine: Engine, folder: string): Promise<TlsProxy> {
  const file = (name: string) => readFileSync(path.join(folder, name))
  const server = createServer(
    {
      cert: file('cert.pem'),
      key: file('key.pem'),
      ca: file('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      const upstream = connect(new URL(engine.endpoint).pathname)
      sockets.add(socket)
      for (const [one, other] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        one.pipe(other)
        one.once('error', () => other.destroy())
        one.once('close', () => other.destroy())
      }
    },
  )
  const sockets = new Set<{ destroy(): void }>()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
