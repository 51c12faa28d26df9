import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce, writeIfChanged } from './files.mjs'
import { hostCertificates } from './host-certificates.mjs'
import { REGISTRIES } from './network.mjs'
import { run } from './run.mjs'

const DAYS = '3650'
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Makes the lab's certificate authority and a server certificate for each TLS registry. */
export function makeCertificates(paths) {
  return makeOnce(paths.certificates, async (folder) => {
    mkdirSync(folder)
    await makeAuthority(folder)
    for (const { name, hostNames } of Object.values(REGISTRIES)) {
      if (hostNames.length > 0) await makeServer(folder, name, hostNames)
    }
  })
}

export const caFile = (paths) => join(paths.certificates, 'ca.crt')

/** Writes the bundle that engines trust: the machine's own and the lab's authority. */
export function writeBundles(paths) {
  const host = readFileSync('/etc/ssl/certs/ca-certificates.crt', 'utf8').trimEnd()
  writeIfChanged(paths.caBundle, `${host}\n${readFileSync(caFile(paths), 'utf8')}`)
  writeIfChanged(paths.hostCertificates, hostCertificates().join(''))
}

async function makeAuthority(folder) {
  const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
  await openssl(
    ['req', '-x509', ...KEY, '-sha256', '-days', DAYS, '-subj', '/CN=shipway lab'],
    extensions.flatMap((extension) => ['-addext', extension]),
    ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.crt')],
  )
}

async function makeServer(folder, name, hostNames) {
  const file = (extension) => join(folder, `${name}.${extension}`)
  await openssl(
    ['req', '-new', ...KEY, '-subj', `/CN=${hostNames[0]}`],
    ['-keyout', file('key'), '-out', file('csr')],
  )
  const names = hostNames.map((hostName) => `DNS:${hostName}`).join(',')
  writeFileSync(file('ext'), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`)
  await openssl(
    ['x509', '-req', '-sha256', '-days', DAYS, '-CAcreateserial'],
    ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key')],
    ['-in', file('csr'), '-extfile', file('ext'), '-out', file('crt')],
  )
}

const openssl = (...args) => run('openssl', args.flat())
