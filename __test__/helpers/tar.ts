/** One entry of a tar archive. Names are bytes: `latin1` text. */
export interface TarEntry {
  name: string
  isFile: boolean
  content: Buffer
}

/** Reads a tar archive, with long names as GNU tar and POSIX write them. */
export function readTar(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = []
  let longName: string | undefined
  for (let start = 0; start + 512 <= archive.length;) {
    const header = archive.subarray(start, start + 512)
    if (header.every((byte) => byte === 0)) break
    const size = Number.parseInt(field(header, 124, 12), 8)
    const content = archive.subarray(start + 512, start + 512 + size)
    const type = String.fromCharCode(header[156] ?? 0)
    start += 512 + Math.ceil(size / 512) * 512
    if (type === 'L') {
      longName = content.toString('latin1').replace(/\0$/, '')
    } else if (type === 'x') {
      longName = paxName(content) ?? longName
    } else if (type !== 'g') {
      const prefix = header.toString('latin1', 257, 262) === 'ustar' ? field(header, 345, 155) : ''
      const short = field(header, 0, 100)
      const name = longName ?? (prefix ? `${prefix}/${short}` : short)
      entries.push({ name, isFile: type === '0' || type === '\0', content })
      longName = undefined
    }
  }
  return entries
}

function field(header: Buffer, start: number, length: number): string {
  const text = header.toString('latin1', start, start + length)
  return text.split('\0')[0] ?? ''
}

/** The value of `path` among records of the form `length key=value`. */
function paxName(records: Buffer): string | undefined {
  for (let start = 0; start < records.length;) {
    const record = records.toString('latin1', start)
    const length = Number.parseInt(record, 10)
    const [, key, value] = /^\d+ ([^=]*)=([^]*)\n$/.exec(record.slice(0, length)) ?? []
    if (key === 'path') return value
    start += length
  }
  return undefined
}
