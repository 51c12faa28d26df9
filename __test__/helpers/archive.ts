import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Packs what is in `folder` into `file`; a name that ends in `gz` is compressed. */
export async function pack(folder: string, file: string): Promise<void> {
  await run('tar', ['-C', folder, file.endsWith('gz') ? '-czf' : '-cf', file, '.'])
}

/** Unpacks `file` into `folder`, which is made. */
export async function unpack(file: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await run('tar', ['-C', folder, '-xpf', file])
}
