import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** By this label the images of a bench are found. */
export const LABEL = 'shipway.bench'

const DOCKERFILE = `FROM scratch\nLABEL ${LABEL}=1\nCOPY . /\n`

/** A build context on disk. */
export class Tree {
  #parent = mkdtempSync(path.join(tmpdir(), 'shipway-bench-'))
  #files = []
  folder = path.join(this.#parent, 'context')

  /**
   * Makes `folders` of them with `files` in each, whose sizes `sizeBytes` gives by their numbers, and one large file. The
   * contents are random: nothing on the way can be made smaller.
   */
  constructor({ folders, files, sizeBytes, largeBytes = 0 }) {
    mkdirSync(this.folder)
    writeFileSync(path.join(this.folder, 'Dockerfile'), DOCKERFILE)
    for (let folder = 0; folder < folders; folder += 1) {
      const name = `folder-${String(folder).padStart(4, '0')}`
      mkdirSync(path.join(this.folder, name))
      for (let file = 0; file < files; file += 1) {
        this.#write(`${name}/file-${String(file).padStart(4, '0')}.txt`, sizeBytes(file))
      }
    }
    if (largeBytes > 0) this.#write('large.bin', largeBytes)
  }

  #write(name, sizeBytes) {
    writeFileSync(path.join(this.folder, name), randomBytes(sizeBytes))
    this.#files.push(name)
  }

  /** Gives the folder another name, by which no engine knows it. */
  rename(name) {
    const folder = path.join(this.#parent, name)
    renameSync(this.folder, folder)
    this.folder = folder
  }

  /** Gives one file another content of the same size. */
  changeOne() {
    const file = path.join(this.folder, this.#files[0])
    writeFileSync(file, randomBytes(statSync(file).size))
  }

  /** Gives every file another time, and leaves its content. */
  touchAll() {
    const now = new Date()
    for (const name of this.#files) utimesSync(path.join(this.folder, name), now, now)
  }

  remove() {
    rmSync(this.#parent, { recursive: true, force: true })
  }
}
