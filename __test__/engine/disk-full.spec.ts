import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, after, before, describe } from 'node:test'

import { buildImage, imageExists, pullImage } from '../../index.mjs'
import type { OwnEngine } from '../../lab/own-engine.mjs'
import { lab, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import { makeOwnEngine } from '../helpers/own-engine.ts'
import { type SmallDisk, makeSmallDisk } from '../helpers/small-disk.ts'

const DISK_BYTES = 48 << 20

/** More than there is room for. */
const TOO_MANY_BYTES = 64 << 20

describe('an engine whose disk is full', { skip: !lab, concurrency: 3 }, () => {
  for (const like of ['docker-20.10', 'docker-28.5', 'docker-28.5-containerd']) {
    describe(`like ${like}`, { concurrency: 1 }, () => {
      let disk: SmallDisk
      let engine: OwnEngine
      before(async () => {
        disk = await makeSmallDisk(DISK_BYTES)
        engine = makeOwnEngine(like, { data: path.join(disk.folder, 'data') })
        await engine.start()
      })
      after(async () => {
        await engine.remove()
        await disk.remove()
      })

      async function isFull(t: TestContext, call: Promise<unknown>, name: string) {
        const error = await failure(call)
        t.diagnostic(error.message)
        assert.equal(error.code, 'ENGINE_DISK_FULL', error.message)
        assert.match(String(error.hint), /free space/)
        assert.equal(error.retryable, false)
        assert.equal(await imageExists(name, { engine: engine.endpoint }), false)
      }

      for (const isEmpty of [true, false]) {
        const stage = isEmpty ? 'is extracted' : 'is downloaded'
        test(`says so of a pull whose layer ${stage}`, async (t) => {
          const registry = await startRegistry({ layers: 1, sizeBytes: TOO_MANY_BYTES, isEmpty })
          registry.open()
          t.after(() => registry.close())
          const call = pullImage(registry.reference, { engine: engine.endpoint })
          await isFull(t, call, registry.reference)
        })
      }

      for (const builder of ['buildkit', 'classic'] as const) {
        test(`says so of a build by ${builder}`, async (t) => {
          const name = `face/full:${builder}`
          const contextDirectory = await temporaryFolder(t, {
            Dockerfile: 'FROM scratch\nCOPY . /\n',
          })
          const file = await open(path.join(contextDirectory, 'large'), 'w')
          // Bytes of zero take room as well, once they have been sent.
          await file.truncate(TOO_MANY_BYTES)
          await file.close()
          const options = { builder, contextDirectory, tags: [name], engine: engine.endpoint }
          await isFull(t, buildImage(options), name)
        })
      }
    })
  }
})
