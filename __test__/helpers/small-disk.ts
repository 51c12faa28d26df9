import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A file system of its own, with little room. */
export interface SmallDisk {
  /** Where it is mounted. */
  folder: string
  remove(): Promise<void>
}

/** Makes a file system of `sizeBytes`: a real one in a file, or in memory where this machine has no loop devices. */
export async function makeSmallDisk(sizeBytes: number): Promise<SmallDisk> {
  const root = await mkdtemp(path.join(tmpdir(), 'shipway-'))
  const [image, folder] = [path.join(root, 'image'), path.join(root, 'disk')]
  const file = await open(image, 'w')
  await file.truncate(sizeBytes)
  await file.close()
  await run('mkfs.ext4', ['-q', image])
  await run('mkdir', [folder])
  await run('mount', ['-o', 'loop', image, folder]).catch(() =>
    run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder]),
  )
  return {
    folder,
    async remove() {
      await run('umount', [folder])
      await rm(root, { recursive: true })
    },
  }
}
