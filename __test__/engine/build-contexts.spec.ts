import assert from 'node:assert/strict'
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, describe } from 'node:test'

import { type BuildOptions, type ContextEvent, buildImage } from '../../index.mjs'
import { pack, unpack } from '../helpers/archive.ts'
import { buildKitEngines, testWithEngine, testWithLab } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'

for (const engine of buildKitEngines) {
  const options = { engine: engine.endpoint }
  const hasNamedContexts = engine.name !== 'docker-20.10'
  const hasContainerd = engine.store === 'containerd'

  describe(`a context of ${engine.name}`, () => {
    for (const name of ['context.tar', 'context.tar.gz']) {
      testWithEngine(`may be an archive: ${name}`, async (t) => {
        const root = await temporaryFolder(t, {
          'context/Dockerfile': 'FROM scratch\nCOPY . /inside\n',
          'context/other/Dockerfile': 'FROM scratch\nCOPY file /other\n',
          'context/file': 'content',
          'outside/Dockerfile': 'FROM scratch\nCOPY file /outside\n',
        })
        // Relative paths start at the working directory.
        const contextArchive = path.relative('', path.join(root, name))
        await pack(path.join(root, 'context'), contextArchive)
        const contexts: ContextEvent[] = []
        const inside = await files(t, {
          ...options,
          contextArchive,
          onProgress(events) {
            for (const event of events) if (event.type === 'context') contexts.push(event)
          },
        })
        assert.deepEqual(inside, {
          'inside/Dockerfile': 'FROM scratch\nCOPY . /inside\n',
          'inside/file': 'content',
          'inside/other/Dockerfile': 'FROM scratch\nCOPY file /other\n',
        })
        const { size } = await stat(contextArchive)
        const last = contexts.at(-1)
        assert.deepEqual(last, {
          type: 'context',
          filesSent: 1,
          bytesSent: size,
          filesTotal: 1,
          done: true,
        })

        const other = { ...options, contextArchive, dockerfile: 'other/Dockerfile' }
        assert.deepEqual(await files(t, other), { other: 'content' })
        const outside = path.join(root, 'outside/Dockerfile')
        assert.deepEqual(await files(t, { ...options, contextArchive, dockerfile: outside }), {
          outside: 'content',
        })
        const dockerfileInline = 'FROM scratch\nCOPY file /inline\n'
        assert.deepEqual(await files(t, { ...options, contextArchive, dockerfileInline }), {
          inline: 'content',
        })
      })
    }

    testWithEngine('that is no archive says so', async (t) => {
      const root = await temporaryFolder(t, { 'a.zip': `PK\u0003\u0004${'x'.repeat(1000)}` })
      for (const contextArchive of [root, path.join(root, 'none.tar'), path.join(root, 'a.zip')]) {
        const error = await failure(buildImage({ ...options, contextArchive }))
        assert.equal(error.code, 'CONTEXT_INVALID')
        assert.ok(error.message.includes(contextArchive), error.message)
      }
    })

    testWithLab('may have others beside it, by their names', async (t) => {
      const root = await temporaryFolder(t, {
        'lib/file': 'library',
        'lib/secret': 'secret',
        'lib/.dockerignore': 'secret\n',
        'context/file': 'content',
      })
      const call = files(t, {
        ...options,
        contextDirectory: path.join(root, 'context'),
        dockerfileInline: [
          'FROM scratch',
          'COPY file /own',
          'COPY --from=lib . /lib',
          'COPY --from=debian /etc/debian_version /image',
        ].join('\n'),
        contexts: {
          lib: path.relative('', path.join(root, 'lib')),
          'docker.io/library/debian:latest': 'docker-image://debian:bookworm-slim',
        },
      })
      if (!hasNamedContexts) {
        assert.equal((await failure(call)).code, 'UNSUPPORTED_BY_ENGINE')
        return
      }
      const { image, ...found } = await call
      assert.match(String(image), /^12/)
      assert.deepEqual(found, {
        'lib/.dockerignore': 'secret\n',
        'lib/file': 'library',
        own: 'content',
      })
    })

    testWithEngine('beside it that is no folder is CONTEXT_INVALID', async (t) => {
      const root = await temporaryFolder(t, { file: '', Dockerfile: 'FROM scratch\n' })
      for (const name of ['file', 'none']) {
        const lib = path.join(root, name)
        const error = await failure(
          buildImage({ ...options, contextDirectory: root, contexts: { lib } }),
        )
        assert.equal(error.code, 'CONTEXT_INVALID')
        assert.ok(error.message.includes(lib), error.message)
      }
    })

    testWithLab(
      'beside it may be an image in a folder, where the engine can read one',
      async (t) => {
        const maker = buildKitEngines.find(({ store }) => store === 'containerd')
        if (!maker) return t.skip('no engine of the lab makes OCI image layouts')
        const root = await temporaryFolder(t)
        const layout = path.join(root, 'layout')
        const made = await makeLayout(maker.endpoint, layout, 'face/layout:1.0')
        const build = (context: string) =>
          files(t, {
            ...options,
            dockerfileInline: 'FROM lib\nCOPY --from=lib /file /copy\n',
            contexts: { lib: context },
          })
        const forms = ['', ':1.0', `@${made.digest}`, `:1.0@${made.digest}`]
        for (const form of forms) {
          const call = build(`oci-layout://${path.relative('', layout)}${form}`)
          if (!hasContainerd) {
            assert.equal((await failure(call)).code, 'UNSUPPORTED_BY_ENGINE')
            return
          }
          assert.deepEqual(await call, { copy: 'layout', file: 'layout' }, form)
        }
        const unknown = await failure(build(`oci-layout://${layout}:2.0`))
        assert.equal(unknown.code, 'CONTEXT_INVALID')
        assert.match(unknown.message, /no image tagged `2.0`: there are `.*1.0`/)
        const none = await failure(build(`oci-layout://${root}`))
        assert.equal(none.code, 'CONTEXT_INVALID')
      },
    )
  })
}

/** Builds, and returns the files of the result with their contents. */
async function files(t: TestContext, options: BuildOptions): Promise<Record<string, string>> {
  const directory = path.relative('', path.join(await temporaryFolder(t), 'out'))
  await buildImage({ ...options, outputs: [{ type: 'local', directory }] })
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const found: Record<string, string> = {}
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name)
    found[path.relative(directory, file)] = await readFile(file, 'utf8')
  }
  return found
}

/** Makes a folder of an image that was built as an OCI image layout. */
async function makeLayout(
  engine: string,
  layout: string,
  tag: string,
): Promise<{ digest?: string }> {
  const root = path.dirname(layout)
  await mkdir(path.join(root, 'made'))
  await writeFile(path.join(root, 'made/file'), 'layout')
  await writeFile(path.join(root, 'made/Dockerfile'), 'FROM scratch\nCOPY file /\n')
  const file = path.join(root, 'layout.tar')
  const made = await buildImage({
    engine,
    contextDirectory: path.join(root, 'made'),
    tags: [tag],
    outputs: [{ type: 'oci', file }],
  })
  await unpack(file, layout)
  return made
}
