import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe } from 'node:test'

import { buildImage } from '../../index.mjs'
import { type Engine, ask, buildKitEngines, testWithEngine as test } from '../helpers/engines.ts'
import { startProxy } from '../helpers/engine-proxy.ts'
import { temporaryFolder } from '../helpers/folder.ts'

const H2C = /^PRI \*/
const GRPC = /^POST \/grpc/
const SESSION = /^POST \/session/

for (const engine of buildKitEngines) {
  const isNew = speaksGrpc(engine)

  describe(`a build with ${engine.name}`, () => {
    test('takes the newest way to BuildKit that the engine offers', async (t) => {
      const ways = await build(t, engine)
      assert.deepEqual(ways, isNew ? ['PRI *'] : ['POST /grpc', 'POST /session'])
    })

    test('takes an older way where something before the engine knows no HTTP/2', async (t) => {
      const ways = await build(t, engine, H2C)
      const older = ['POST /grpc', 'POST /session']
      assert.deepEqual(ways, isNew ? ['PRI *', ...older] : older)
    })

    test('has its session inside a call where the engine offers no other', async (t) => {
      const ways = await build(t, engine, either(H2C, SESSION))
      const older = ['POST /grpc', 'POST /session']
      assert.deepEqual(ways, isNew ? ['PRI *', ...older] : older)
    })

    test('is one of the classic builder where no way leads to BuildKit', async (t) => {
      const proxy = await startProxy(engine, either(H2C, GRPC))
      t.after(() => proxy.close())
      const contextDirectory = await temporaryFolder(t, { Dockerfile: 'FROM scratch\nCOPY . /\n' })
      const image = await buildImage({ engine: proxy.endpoint, contextDirectory })
      assert.equal(image.builder, 'classic')
    })

    test('sends the same content on every way', async (t) => {
      // More than any window of the connection, and than any message.
      const file = randomBytes(24 << 20)
      const layers = new Set<string>()
      for (const refuses of [/^$/, H2C, either(H2C, SESSION)]) {
        const proxy = await startProxy(engine, refuses)
        t.after(() => proxy.close())
        // Of a folder with a name of its own the engine has nothing yet.
        const contextDirectory = await temporaryFolder(t, {
          Dockerfile: 'FROM scratch\nCOPY . /\n',
          file,
        })
        const image = await buildImage({ engine: proxy.endpoint, contextDirectory })
        const { body } = await ask(engine, 'GET', `/images/${image.imageId}/json`)
        const { RootFS } = JSON.parse(body) as { RootFS: { Layers: string[] } }
        layers.add(RootFS.Layers.join())
        await proxy.idle()
      }
      assert.match([...layers].join(), /^sha256:[0-9a-f]{64}$/)
    })
  })
}

/** Builds through a proxy; returns how the connections to BuildKit began. */
async function build(
  t: Parameters<Parameters<typeof test>[1]>[0],
  engine: Engine,
  refuses?: RegExp,
): Promise<string[]> {
  const proxy = await startProxy(engine, refuses)
  t.after(() => proxy.close())
  const contextDirectory = await temporaryFolder(t, {
    Dockerfile: 'FROM scratch\nCOPY . /\n',
    file: randomBytes(16),
  })
  const image = await buildImage({ engine: proxy.endpoint, contextDirectory })
  assert.equal(image.builder, 'buildkit')
  await proxy.idle()
  return proxy.lines.filter((line) => either(H2C, GRPC, SESSION).test(line))
}

/** From API 1.53 on (https://github.com/moby/moby/blob/docker-v29.2.0/api/docs/CHANGELOG.md). */
function speaksGrpc({ apiVersion = '0.0' }: Engine): boolean {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number)
  return major > 1 || (major === 1 && minor >= 53)
}

function either(...patterns: RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'))
}
