import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'

/** Names that no shell likes. */
const NAMES = [
  'sp ace',
  'new\nline',
  'tab\t',
  'br[ack]et',
  'star*',
  'back\\slash',
  '-dash',
  'café',
  '#h',
]

/** Modes that an archive or a careless sender loses. */
const MODES = [0o644, 0o600, 0o777, 0o755, 0o111, 0o4755, 0o2755, 0o6711, 0o1644, 0o400]

/**
 * Makes a folder with all that a sender can get wrong, save names that are not UTF-8. `salt` makes it a new one. It takes
 * root, which the lab takes as well.
 */
export function makeOddTree(root: string, salt: string): void {
  const at = (name: string) => path.join(root, name)
  const folder = (name: string, mode = 0o755) => {
    mkdirSync(at(name), { recursive: true })
    chmodSync(at(name), mode)
  }
  folder('')
  writeFileSync(at('salt'), salt)
  for (const name of NAMES) writeFileSync(at(name), name)
  folder('modes')
  for (const mode of MODES) {
    const name = `modes/${mode.toString(8)}`
    writeFileSync(at(name), name)
    chmodSync(at(name), mode)
  }
  folder('sticky', 0o1777)
  folder('setgid', 0o2755)
  folder('private', 0o700)
  folder('empty/also')
  writeFileSync(at('private/file'), 'x'.repeat(100_000))
  writeFileSync(at('nothing'), '')

  folder('links')
  const targets = ['../salt', '/etc/passwd', 'nowhere', '.', '..', '../empty', '../../..', 'a//b/']
  for (const [index, target] of targets.entries()) symlinkSync(target, at(`links/${index}`))
  lutimesSync(at('links/2'), 1, 2)
  // The first by name is not the first by making.
  writeFileSync(at('z-hard'), 'hard')
  for (const name of ['a-hard', 'links/hard']) linkSync(at('z-hard'), at(name))

  utimesSync(at('nothing'), 0, 0)
  utimesSync(at('modes/644'), 1_700_000_000.123, 1_700_000_000.123_456)
  utimesSync(at('modes/600'), -1, -1.5)
  execFileSync('mkfifo', [at('fifo')])
  execFileSync('mknod', [at('device'), 'c', '1', '3'])
  leaveSocket(at('socket'))
  addAttributes(root)
}

/** A socket stays where whoever listened was killed. */
function leaveSocket(file: string): void {
  const listen = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 9))`
  spawnSync(process.execPath, ['-e', listen])
}

/** Gives a file extended attributes, where the file system takes them: `tar` sets what an archive says. */
function addAttributes(root: string): void {
  const attributes = {
    'user.shipway': Buffer.from('value'),
    'user.empty': Buffer.alloc(0),
    'user.long': Buffer.alloc(600, 'v'),
    // `cap_net_raw=ep`
    'security.capability': Buffer.from('0100000200200000000000000000000000000000', 'hex'),
  }
  const extended = Buffer.concat(
    Object.entries(attributes).map(([name, value]) => paxRecord(`SCHILY.xattr.${name}`, value)),
  )
  const archive = Buffer.concat([
    tarHeader('pax', 'x', extended.length),
    padded(extended),
    tarHeader('attributes', '0', 5),
    padded(Buffer.from('12345')),
    Buffer.alloc(1024),
  ])
  execFileSync('tar', ['--xattrs', '--xattrs-include=*', '-xf', '-', '-C', root], {
    input: archive,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = rest.length
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function tarHeader(name: string, type: string, size: number): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
  header.write(name, 0)
  header.write(octal(0o644, 7), 100)
  header.write(octal(0, 7), 108)
  header.write(octal(0, 7), 116)
  header.write(octal(size, 11), 124)
  header.write(octal(1_700_000_000, 11), 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\u000000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${octal(sum, 6)}\0 `, 148)
  return header
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}
