import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { type BuildOptions, type BuiltImage, buildImage, inspectImage } from '../../index.mjs'
import {
  type Engine,
  engines,
  forget,
  isPodman,
  testBuildKitOf,
  testWithLab as test,
} from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'
import { startAgent } from '../helpers/ssh-agent.ts'

const BASE = 'FROM debian:bookworm-slim\n'

/** What a step may ask an SSH agent for, by the numbers of the agent protocol, and what it must not. */
const ASK_AGENT = `
const net = require('node:net')
const ask = (number, body = []) => new Promise((resolve, reject) => {
  const socket = net.connect(process.env.SSH_AUTH_SOCK)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(1 + body.length)
  socket.on('error', reject).once('data', (answer) => { resolve(answer); socket.end() })
  socket.write(Buffer.concat([length, Buffer.from([number, ...body])]))
})
const keys = await ask(11)
console.log('list', keys[4], keys.includes('shipway test key'))
console.log('remove all', (await ask(19))[4])
console.log('lock', (await ask(22, [0, 0, 0, 1, 120]))[4])
console.log('list again', (await ask(11)).equals(keys))
`

for (const engine of engines) {
  // BuildKit before 0.10 ignores what it does not know.
  const isOld = engine.apiVersion === '1.41' && !isPodman(engine)
  const testBuildKit = testBuildKitOf(engine)

  describe(`a build with ${engine.name}`, () => {
    testBuildKit('builds with BuildKit where the engine has it', async () => {
      const { image } = await build(engine, BASE)
      assert.equal(image.builder, 'buildkit')
    })

    test('builds with the classic builder when that is asked for', async () => {
      const { image } = await build(engine, BASE, { builder: 'classic' })
      assert.equal(image.builder, 'classic')
    })

    testBuildKit('names its image for what it is in the store of the engine', async (t) => {
      t.after(() => forget(engine, 'face/names:1'))
      const { image } = await build(engine, 'FROM scratch\nLABEL names=1\n', {
        tags: ['face/names:1'],
      })
      const details = await inspectImage('face/names:1', { engine: engine.endpoint })
      assert.equal(details?.imageId, image.imageId)
      assert.match(String(image.configDigest), /^sha256:[0-9a-f]{64}$/)
      if (engine.store === 'containerd') {
        assert.equal(image.digest, image.imageId)
        assert.notEqual(image.configDigest, image.imageId)
      } else {
        assert.equal(image.digest, undefined)
        assert.equal(image.configDigest, image.imageId)
      }
      assert.equal(image.exporterResponse['containerimage.digest'], image.imageId)
    })

    test('takes its files from memory', async () => {
      const { log } = await build(engine, undefined, {
        contextFiles: {
          'build/Dockerfile': `${BASE}COPY . /x\nRUN cd /x && find . -type f | sort && cat data/bytes | od -An -tx1\n`,
          'data/bytes': new Uint8Array([0, 255, 10]),
          text: 'ä',
        },
        dockerfile: 'build/Dockerfile',
      })
      assert.deepEqual(log, ['./build/Dockerfile', './data/bytes', './text', ' 00 ff 0a'])
    })

    test('builds again what has changed in memory although it is as long as before', async () => {
      for (const content of ['one', 'two']) {
        const { log } = await build(engine, undefined, {
          contextFiles: { Dockerfile: `${BASE}COPY file /\nRUN cat /file\n`, file: content },
        })
        assert.deepEqual(log, [content])
      }
    })

    test('takes its Dockerfile from anywhere, with the ignore file beside it', async (t) => {
      const context = await temporaryFolder(t, { kept: '', dropped: '', '.dockerignore': 'kept\n' })
      const other = await temporaryFolder(t, {
        'app.Dockerfile': `${BASE}COPY . /x\nRUN ls -A /x\n`,
        'app.Dockerfile.dockerignore': 'dropped\n',
      })
      const { log } = await build(engine, undefined, {
        contextDirectory: context,
        dockerfile: `${other}/app.Dockerfile`,
      })
      assert.deepEqual(log, ['.dockerignore', 'kept'])
    })

    testBuildKit('takes only the steps of other stages from the cache', async () => {
      const text = `${BASE.trim()} AS one\nRUN echo one\n${BASE.trim()} AS two\nCOPY --from=one /etc/hostname /\nRUN echo two\n`
      await build(engine, text, { noCache: false })
      const { log } = await build(engine, text, { noCache: false, noCacheFilter: ['two'] })
      assert.deepEqual(log, ['two'])
    })

    test('adds hosts', async () => {
      const { log } = await build(engine, `${BASE}RUN grep shipway.test /etc/hosts\n`, {
        addHosts: ['shipway.test:127.1.2.3', 'six.shipway.test:[::1]'],
      })
      assert.deepEqual(words(log), ['127.1.2.3 shipway.test', '::1 six.shipway.test'])
    })

    test('sets limits and the size of /dev/shm, or says that the engine cannot', async () => {
      const step = 'RUN df -B1 --output=size /dev/shm | tail -1; ulimit -Sn; ulimit -Hn\n'
      const options = {
        shmSizeBytes: 3 * 1024 * 1024,
        ulimits: { nofile: { soft: 100, hard: 200 } },
      }
      if (isOld) return refuses(engine, BASE + step, options)
      const { log } = await build(engine, BASE + step, options)
      assert.deepEqual(words(log), ['3145728', '100', '200'])
    })

    test('puts steps below a control group, or says that the engine cannot', async () => {
      const step = 'RUN cat /proc/self/cgroup\n'
      // Podman puts the step itself there, where no group of another engine may be below.
      const options = { cgroupParent: `shipway-${process.pid}-${engine.name}` }
      if (isOld) return refuses(engine, BASE + step, options)
      const { log } = await build(engine, BASE + step, options)
      assert.ok(
        log.some((line) => line.includes(options.cgroupParent)),
        log.join('\n'),
      )
    })

    test('has no network where none is asked for', async () => {
      const step = 'RUN cat /proc/net/dev | tail -n +3 | cut -d: -f1\n'
      const { log } = await build(engine, BASE + step, { network: 'none' })
      assert.deepEqual(words(log), ['lo'])
    })

    testBuildKit('refuses a network of its own, which only the classic builder knows', async () => {
      const error = await failure(build(engine, BASE, { network: 'shipway-net' }))
      assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE')
    })

    testBuildKit('gives steps their secrets, which no event and no error shows', async (t) => {
      process.env['SHIPWAY_TEST_SECRET'] = 'canary-of-the-environment'
      t.after(() => delete process.env['SHIPWAY_TEST_SECRET'])
      const root = await temporaryFolder(t, { secret: 'canary-of-the-file\nwith-two-lines\n' })
      const mounts = ['file', 'environment', 'text', 'bytes']
      const step = `RUN ${mounts.map((id) => `--mount=type=secret,id=${id}`).join(' ')} \
        cd /run/secrets && sha256sum * && cat file environment text && exit 3\n`
      const { error, events } = await fail(engine, BASE + step, {
        secrets: {
          file: { file: `${root}/secret` },
          environment: { environment: 'SHIPWAY_TEST_SECRET' },
          text: { value: 'canary-of-the-text' },
          bytes: { value: new Uint8Array([0, 1, 2]) },
        },
      })
      assert.equal(error.code, 'BUILD_FAILED')
      const shown = JSON.stringify([error, error.message, error.stack, error.logTail, events])
      assert.ok(!/canary|with-two-lines/.test(shown), shown)
      // What arrived is what was given: the digests of the four contents.
      for (const content of [
        'canary-of-the-file\nwith-two-lines\n',
        'canary-of-the-environment',
        'canary-of-the-text',
        new Uint8Array([0, 1, 2]),
      ]) {
        const digest = await crypto.subtle.digest('SHA-256', Buffer.from(content))
        assert.ok(shown.includes(Buffer.from(digest).toString('hex')), String(content))
      }
    })

    testBuildKit('fails a step whose secret nobody has', async () => {
      const step = 'RUN --mount=type=secret,id=nobody,required=true true\n'
      const { error } = await fail(engine, BASE + step, {})
      assert.equal(error.code, 'BUILD_FAILED')
      assert.match(error.message, /secret nobody:? not found/)
    })

    testBuildKit('lets steps use an SSH agent, and change nothing in it', async (t) => {
      const socket = await startAgent(t, 'shipway test key')
      const { log } = await build(engine, undefined, {
        contextFiles: {
          Dockerfile:
            'FROM node:22-bookworm-slim\nCOPY ask.mjs /\nRUN --mount=type=ssh node /ask.mjs\n',
          'ask.mjs': `import { createRequire } from 'node:module'\nconst require = createRequire('/')\n${ASK_AGENT}`,
        },
        ssh: { default: socket },
      })
      assert.deepEqual(log, ['list 12 true', 'remove all 5', 'lock 5', 'list again true'])
    })

    testBuildKit('refuses an SSH agent that is none before anything is built', async (t) => {
      const root = await temporaryFolder(t, { file: '' })
      for (const socket of [`${root}/none`, `${root}/file`]) {
        const { error, events } = await fail(engine, BASE, { ssh: { default: socket } })
        assert.equal(error.code, 'INVALID_OPTION')
        assert.ok(error.message.includes(socket), error.message)
        assert.deepEqual(events, [])
      }
    })

    testBuildKit(
      'forwards the usual SSH agent to an engine that fetches a context over ssh',
      async (t) => {
        const usual = process.env['SSH_AUTH_SOCK']
        t.after(() => {
          delete process.env['SSH_AUTH_SOCK']
          if (usual !== undefined) process.env['SSH_AUTH_SOCK'] = usual
        })
        process.env['SSH_AUTH_SOCK'] = ''
        const options = { contextUrl: 'git@127.0.0.1:repository.git' }
        const { error } = await fail(engine, undefined, options)
        assert.equal(error.code, 'INVALID_OPTION')
        assert.match(error.message, /SSH_AUTH_SOCK/)
        process.env['SSH_AUTH_SOCK'] = await startAgent(t, 'shipway test key')
        const { error: refused } = await fail(engine, undefined, options)
        // Nothing there speaks ssh.
        assert.doesNotMatch(refused.message, /no SSH key|unset ssh forward key|SSH_AUTH_SOCK/)
      },
    )

    if (!isOld) {
      testBuildKit(
        'lets steps use the network of the machine only where that is allowed',
        async () => {
          const step = 'RUN --network=host true\n'
          const network = 'default'
          await build(engine, BASE + step, { network, allow: ['network.host'] })
          const { error } = await fail(engine, BASE + step, { network })
          assert.match(error.message, /network\.host is not allowed/)
        },
      )
    }

    testBuildKit('says that the engine does not allow what steps want to do', async () => {
      const step = 'RUN --security=insecure true\n'
      const { error } = await fail(engine, BASE + step, { allow: ['security.insecure'] })
      assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE')
      assert.match(error.message, /security\.insecure/)
    })

    test('makes the same image of the same input at another time, or says that the engine cannot', async (t) => {
      t.after(() => forget(engine, 'face/epoch:1'))
      const options = { sourceDateEpoch: 1_700_000_000, tags: ['face/epoch:1'] }
      const step =
        'RUN date +%s%N > /now\nRUN rm /now\nFROM scratch\nCOPY --from=0 /etc/hostname /\n'
      if (isOld || isPodman(engine)) return refuses(engine, BASE + step, options)
      const one = await build(engine, BASE + step, options)
      const two = await build(engine, BASE + step, options)
      assert.equal(two.image.configDigest, one.image.configDigest)
      const details = await inspectImage('face/epoch:1', { engine: engine.endpoint })
      assert.match(String(details?.created), /^2023-11-14T22:13:20/)
    })

    test('builds for several platforms where the engine can store that', async (t) => {
      t.after(() => forget(engine, 'face/platforms:1'))
      const options = { platforms: ['linux/amd64', 'linux/arm64'], tags: ['face/platforms:1'] }
      const text = 'FROM scratch\nARG TARGETARCH\nLABEL architecture=$TARGETARCH\n'
      if (engine.store === 'containerd') {
        await build(engine, text, options)
        for (const platform of options.platforms) {
          const details = await inspectImage('face/platforms:1', {
            engine: engine.endpoint,
            platform,
          })
          assert.equal(details?.platform, platform)
        }
      } else {
        await refuses(engine, text, options)
      }
    })

    test('attests where the image came from where the engine can store that', async (t) => {
      t.after(() => forget(engine, 'face/attested:1'))
      const options = { attestations: { provenance: 'max' as const }, tags: ['face/attested:1'] }
      const text = `${BASE}RUN echo attested > /attested\n`
      if (engine.store !== 'containerd') return refuses(engine, text, options)
      const { image } = await build(engine, text, options)
      const descriptor = String(image.exporterResponse['containerimage.descriptor'])
      const { mediaType } = JSON.parse(Buffer.from(descriptor, 'base64').toString()) as {
        mediaType: string
      }
      assert.match(mediaType, /index/)
    })
  })
}

/** What builds an image. */
type ImageOptions = Omit<BuildOptions, 'outputs'>

/** Builds, and returns the image with the lines that steps printed. */
async function build(
  engine: Engine,
  dockerfileInline: string | undefined,
  options: ImageOptions = {},
): Promise<{ image: BuiltImage; log: string[] }> {
  const log: string[] = []
  const image = await buildImage({
    ...request(engine, dockerfileInline, options),
    onProgress(events) {
      for (const event of events) if (event.type === 'log') log.push(event.text)
    },
  })
  return { image, log }
}

/** The lines with one blank between their words. */
const words = (log: string[]) => log.map((line) => line.trim().split(/\s+/).join(' '))

/** Builds what the engine cannot. */
async function refuses(engine: Engine, dockerfileInline: string, options: ImageOptions) {
  const { error } = await fail(engine, dockerfileInline, options)
  assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE', error.message)
  assert.ok(Object.keys(options).some((name) => error.message.includes(`\`${name}\``)))
}

/** Builds what fails. */
async function fail(engine: Engine, dockerfileInline: string | undefined, options: ImageOptions) {
  const events: unknown[] = []
  const error = await failure(
    buildImage({
      ...request(engine, dockerfileInline, options),
      onProgress: (batch) => void events.push(...batch),
    }),
  )
  return { error, events }
}

function request(
  { endpoint }: Engine,
  dockerfileInline: string | undefined,
  options: ImageOptions,
): ImageOptions {
  return { engine: endpoint, network: 'host', noCache: true, dockerfileInline, ...options }
}
