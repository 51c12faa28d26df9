import assert from 'node:assert/strict'
import { watch } from 'node:fs'
import { lstat, mkdir, readFile, readdir, readlink, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe } from 'node:test'

import {
  type BuildOptions,
  type BuildOutput,
  buildImage,
  imageExists,
  inspectImage,
} from '../../index.mjs'
import { unpack } from '../helpers/archive.ts'
import { buildKitEngines, forget, testWithEngine, testWithLab } from '../helpers/engines.ts'
import { failure, rejection } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { load } from '../helpers/load.ts'
import { forgetPushed, plainRegistry, pushedDigest } from '../helpers/registry.ts'

/** A result with everything that a tree can have. */
const TREE = [
  'FROM debian:bookworm-slim AS made',
  'RUN mkdir -p /out/folder/empty \\',
  ' && echo content > /out/folder/file && ln /out/folder/file /out/folder/same \\',
  ' && ln -s ../nowhere /out/folder/link && chown 1234:1234 /out/folder/file \\',
  ' && chmod 4750 /out/folder/file && chmod 1777 /out/folder \\',
  ' && head -c 3000000 /dev/zero > /out/large \\',
  ' && touch -h -d @1000000000.123456789 /out/folder/file /out/folder/link \\',
  ' && touch -d @1100000000.987654321 /out/folder',
  'FROM scratch',
  'COPY --from=made /out /',
].join('\n')

const SMALL = 'FROM scratch\nCOPY file /\nLABEL face.outputs=yes\n'

for (const engine of buildKitEngines) {
  const options = { engine: engine.endpoint }
  const ofTree = { ...options, network: 'host', dockerfileInline: TREE }
  const hasContainerd = engine.store === 'containerd'
  const isOld = engine.name === 'docker-20.10'

  describe(`an output of ${engine.name}`, () => {
    testWithLab('that is a folder is the result, file by file, and ours', async (t) => {
      const root = await temporaryFolder(t, { 'out/folder/mine': 'stays', 'out/large': 'goes' })
      const directory = path.join(root, 'out')
      await symlink('../..', path.join(directory, 'folder/empty'))
      const built = await buildImage({ ...ofTree, outputs: [{ type: 'local', directory }] })
      assert.equal(built.imageId, undefined)
      assert.deepEqual(built.tags, [])

      const look = (name: string) => lstat(path.join(directory, name), { bigint: true })
      const names = await readdir(directory, { recursive: true })
      assert.deepEqual(names.toSorted(), [
        'folder',
        'folder/empty',
        'folder/file',
        'folder/link',
        'folder/mine',
        'folder/same',
        'large',
      ])
      const file = await look('folder/file')
      assert.equal(file.mode & 0o7777n, 0o4750n)
      assert.equal(file.mtimeNs, 1_000_000_000_123_456_789n)
      assert.equal(Number(file.uid), process.getuid?.())
      assert.equal((await look('folder/same')).ino, file.ino)
      const folder = await look('folder')
      assert.equal(folder.mode & 0o7777n, 0o1777n)
      const link = await look('folder/link')
      assert.equal(link.mtimeNs, 1_000_000_000_123_456_789n)
      assert.equal(await readlink(path.join(directory, 'folder/link')), '../nowhere')
      assert.ok((await look('folder/empty')).isDirectory(), 'a link gives way to a folder')
      assert.equal((await look('large')).size, 3_000_000n)
      assert.equal(await readFile(path.join(directory, 'folder/mine'), 'utf8'), 'stays')
      assert.equal(folder.mtimeNs, 1_100_000_000_987_654_321n)
    })

    testWithLab('that is an archive holds the same files', async (t) => {
      const root = await temporaryFolder(t)
      const file = path.join(root, 'out.tar')
      await buildImage({ ...ofTree, outputs: [{ type: 'tar', file }] })
      assert.deepEqual(await readdir(root), ['out.tar'])
      await unpack(file, path.join(root, 'out'))
      const unpacked = path.join(root, 'out/folder')
      assert.equal(await readFile(path.join(unpacked, 'file'), 'utf8'), 'content\n')
      const [found, same] = await Promise.all(
        ['file', 'same'].map((name) => lstat(path.join(unpacked, name))),
      )
      assert.equal(Number(found?.mode) & 0o7777, 0o4750)
      assert.equal(found?.ino, same?.ino)
    })

    testWithEngine('for `docker load` is one that an engine loads', async (t) => {
      const contextDirectory = await temporaryFolder(t, { Dockerfile: SMALL, file: 'content' })
      const root = await temporaryFolder(t, { 'image.tar': 'old' })
      const file = path.join(root, 'image.tar')
      const tag = `face/outputs:docker-${process.pid}`
      const outputs: BuildOutput[] = [{ type: 'docker', file }]
      const call = buildImage({ ...options, contextDirectory, tags: [tag], outputs })
      if (!hasContainerd) {
        assert.equal((await failure(call)).code, 'UNSUPPORTED_BY_ENGINE')
        assert.equal(await readFile(file, 'utf8'), 'old')
        return
      }
      const built = await call
      assert.equal(built.imageId, undefined)
      assert.match(String(built.digest), /^sha256:[0-9a-f]{64}$/)
      assert.equal(await imageExists(tag, options), false)
      assert.deepEqual(await readdir(root), ['image.tar'])
      for (const other of buildKitEngines) {
        t.after(() => forget(other, tag))
        assert.match(await load(other, file), /Loaded image: face\/outputs:docker/)
        const loaded = await inspectImage(tag, { engine: other.endpoint })
        assert.equal(loaded?.labels['face.outputs'], 'yes')
        if (other.store === 'graphdriver') assert.equal(loaded?.imageId, built.configDigest)
      }
    })

    testWithEngine('that is an OCI image layout names the image that was built', async (t) => {
      const contextDirectory = await temporaryFolder(t, { Dockerfile: SMALL, file: 'content' })
      const root = await temporaryFolder(t)
      const file = path.join(root, 'image.tar')
      const outputs: BuildOutput[] = [{ type: 'oci', file, attributes: { compression: 'zstd' } }]
      const tags = ['face/outputs:1.0', 'ghcr.io/face/outputs:2.0']
      const call = buildImage({ ...options, contextDirectory, tags, outputs })
      if (!hasContainerd) {
        const error = await failure(call)
        assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE')
        assert.match(String(error.hint), /containerd image store/)
        assert.deepEqual(await readdir(root), [])
        return
      }
      const built = await call
      await unpack(file, path.join(root, 'layout'))
      const read = async (name: string) =>
        JSON.parse(await readFile(path.join(root, 'layout', name), 'utf8'))
      const index = (await read('index.json')) as { manifests: Descriptor[] }
      const names = index.manifests.map(
        ({ annotations }) => annotations['io.containerd.image.name'],
      )
      assert.deepEqual(names, ['docker.io/face/outputs:1.0', 'ghcr.io/face/outputs:2.0'])
      for (const { digest } of index.manifests) assert.equal(digest, built.digest)
      const descriptor = built.exporterResponse['containerimage.descriptor'] ?? ''
      const said = JSON.parse(String(Buffer.from(descriptor, 'base64'))) as Descriptor
      assert.equal(said.digest, built.digest)
    })

    testWithEngine('that is nothing but the cache leaves no image', async (t) => {
      const contextDirectory = await temporaryFolder(t, { Dockerfile: SMALL, file: 'content' })
      const tag = `face/outputs:none-${process.pid}`
      const outputs: BuildOutput[] = [{ type: 'cacheonly' }]
      const built = await buildImage({ ...options, contextDirectory, tags: [tag], outputs })
      assert.equal(built.imageId, undefined)
      assert.equal(built.sizeBytes, 0)
      assert.equal(await imageExists(tag, options), false)
    })

    testWithEngine('may be one of several, where BuildKit makes several', async (t) => {
      const contextDirectory = await temporaryFolder(t, { Dockerfile: SMALL, file: 'content' })
      const root = await temporaryFolder(t)
      const tag = `face/outputs:many-${process.pid}`
      t.after(() => forget(engine, tag))
      const [file, directory] = [path.join(root, 'out.tar'), path.join(root, 'out')]
      const outputs: BuildOutput[] = [
        { type: 'image' },
        { type: 'tar', file },
        { type: 'local', directory },
      ]
      const call = buildImage({ ...options, contextDirectory, tags: [tag], outputs })
      if (isOld) {
        const error = await failure(call)
        assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE')
        assert.match(String(error.hint), /Docker 26/)
        assert.deepEqual(await readdir(root), [])
        return
      }
      const built = await call
      assert.equal((await inspectImage(tag, options))?.imageId, built.imageId)
      assert.deepEqual((await readdir(root)).toSorted(), ['out', 'out.tar'])
      assert.equal(await readFile(path.join(directory, 'file'), 'utf8'), 'content')
    })

    testWithLab(
      'that is pushed is in the registry under every tag, and has its digest',
      async (t) => {
        const contextDirectory = await temporaryFolder(t, { Dockerfile: SMALL, file: engine.name })
        const tags = ['a', 'b'].map(
          (name) => `${plainRegistry}/face/outputs:${name}-${process.pid}`,
        )
        t.after(() => forgetPushed(...tags))
        t.after(() => forget(engine, ...tags))
        const built = await buildImage({
          ...options,
          contextDirectory,
          tags,
          outputs: [{ type: 'registry' }],
        })
        assert.equal((await inspectImage(String(tags[0]), options))?.imageId, built.imageId)
        for (const tag of tags) assert.equal(await pushedDigest(tag), built.digest)
      },
    )

    testWithLab('that cannot be pushed says so as a pull would', async (t) => {
      const tag = `127.0.0.1:9/face/outputs:${process.pid}`
      t.after(() => forget(engine, tag))
      const error = await failure(
        buildImage({
          ...options,
          dockerfileInline: 'FROM scratch\nLABEL a=b\n',
          tags: [tag],
          outputs: [{ type: 'registry' }],
        }),
      )
      assert.equal(error.code, 'REGISTRY_UNREACHABLE')
      assert.equal(error.operation, 'buildImage')
    })

    testWithEngine('is not touched by a build that fails', async (t) => {
      const root = await temporaryFolder(t, { 'out.tar': 'old', 'context/file': '' })
      const call = buildImage({
        ...options,
        contextDirectory: path.join(root, 'context'),
        dockerfileInline: 'FROM scratch\nCOPY nothere /\n',
        outputs: [{ type: 'tar', file: path.join(root, 'out.tar') }],
      })
      assert.equal((await failure(call)).code, 'BUILD_FAILED')
      assert.deepEqual((await readdir(root)).toSorted(), ['context', 'out.tar'])
      assert.equal(await readFile(path.join(root, 'out.tar'), 'utf8'), 'old')
    })

    testWithEngine('cannot be where it cannot be written', async (t) => {
      const root = await temporaryFolder(t, { file: '', 'context/Dockerfile': SMALL })
      await writeFile(path.join(root, 'context/file'), 'content')
      await mkdir(path.join(root, 'out/file'), { recursive: true })
      await writeFile(path.join(root, 'out/file/precious'), '')
      const into = async (output: BuildOutput) =>
        failure(
          buildImage({
            ...options,
            contextDirectory: path.join(root, 'context'),
            outputs: [output],
          }),
        )
      const folder = await into({ type: 'tar', file: root })
      assert.equal(folder.code, 'INVALID_OPTION')
      const file = await into({ type: 'local', directory: path.join(root, 'file') })
      assert.equal(file.code, 'INVALID_OPTION')
      const inTheWay = await into({ type: 'local', directory: path.join(root, 'out') })
      assert.equal(inTheWay.code, 'OUTPUT_FAILED')
      assert.match(inTheWay.message, /out\/file`: it is a folder that is not empty/)
      assert.deepEqual(await readdir(path.join(root, 'out/file')), ['precious'])
    })

    testWithLab('that is aborted half-way leaves nothing half-written', async (t) => {
      const root = await temporaryFolder(t)
      const file = path.join(root, 'large.tar')
      await abortOnceWritten(root, { ...options, outputs: [{ type: 'tar', file }] })
      assert.deepEqual(await readdir(root), [])

      const directory = path.join(root, 'out')
      await mkdir(directory)
      await abortOnceWritten(directory, { ...options, outputs: [{ type: 'local', directory }] })
      const names = await readdir(directory, { recursive: true })
      const half = names.filter((name) => name.includes('.shipway-'))
      assert.deepEqual(half, [])
    })
  })
}

interface Descriptor {
  digest: string
  annotations: Record<string, string>
}

/** Exports a whole base image, and aborts as soon as something of it is in `folder`. */
async function abortOnceWritten(folder: string, options: BuildOptions): Promise<void> {
  const controller = new AbortController()
  const watcher = watch(folder, () => controller.abort())
  const call = buildImage({
    ...options,
    dockerfileInline: 'FROM node:22-bookworm-slim\n',
    signal: controller.signal,
  })
  const reason = (await rejection(call)) as DOMException
  watcher.close()
  assert.equal(reason.name, 'AbortError')
}
