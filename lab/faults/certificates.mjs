import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from '../run.mjs'

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

// What engines are told to connect to: this machine, by an address that they do not take for insecure.
const NAME = 'IP:0.0.0.0'

/**
 * Makes certificates for servers that engines must refuse. Where `caFile` is given, an authority that engines trust (its
 * key lies beside it) signs those of `expired` and `wrongName`. Each is `{key, cert}`.
 */
export async function makeBadCertificates(caFile) {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'))
  try {
    const unknown = await selfSigned(folder)
    if (!caFile) return { unknown }
    const trusted = { folder, caFile }
    const expired = await signed(trusted, 'expired', NAME, '-1')
    const wrongName = await signed(trusted, 'wrong-name', 'IP:127.9.9.9', '1')
    return { unknown, expired, wrongName }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function selfSigned(folder) {
  const file = (extension) => join(folder, `unknown.${extension}`)
  await openssl(
    ['req', '-x509', ...KEY, '-days', '1', '-subj', '/CN=unknown'],
    ['-addext', `subjectAltName=${NAME}`, '-keyout', file('key'), '-out', file('crt')],
  )
  return read(file)
}

async function signed({ folder, caFile }, name, alternative, days) {
  const file = (extension) => join(folder, `${name}.${extension}`)
  await openssl(
    ['req', '-new', ...KEY, '-subj', `/CN=${name}`],
    ['-keyout', file('key'), '-out', file('csr')],
  )
  writeFileSync(file('ext'), `subjectAltName=${alternative}\nextendedKeyUsage=serverAuth\n`)
  await openssl(
    ['x509', '-req', '-sha256', '-days', days, '-set_serial', '1'],
    ['-CA', caFile, '-CAkey', join(dirname(caFile), 'ca.key')],
    ['-in', file('csr'), '-extfile', file('ext'), '-out', file('crt')],
  )
  return read(file)
}

const read = (file) => ({ key: readFileSync(file('key')), cert: readFileSync(file('crt')) })
const openssl = (...args) => run('openssl', args.flat())
