import assert from 'node:assert/strict'
import path from 'node:path'
import { describe } from 'node:test'

import { type BuildOptions, buildImage } from '../../index.mjs'
import { buildxBuild, whyNoBuildx } from '../helpers/buildx.ts'
import { buildKitEngines, testWithLab } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'

const BASE = 'FROM debian:bookworm-slim\n'

interface Case {
  title: string
  dockerfile: string
  target?: string
  code: string
  step?: string
  exitCode?: number
  lines?: [number, number]
}

const cases: Case[] = [
  {
    title: 'a failing RUN',
    dockerfile: `${BASE}RUN echo one; echo two >&2; exit 7\nRUN echo never\n`,
    code: 'BUILD_FAILED',
    step: 'RUN echo one; echo two >&2; exit 7',
    exitCode: 7,
    lines: [2, 2],
  },
  {
    title: 'a failing RUN of several lines',
    dockerfile: `${BASE}ENV A=b\nRUN echo one && \\\n    echo two && \\\n    exit 3\nRUN echo never\n`,
    code: 'BUILD_FAILED',
    step: 'RUN echo one &&     echo two &&     exit 3',
    exitCode: 3,
    lines: [3, 5],
  },
  {
    title: 'a Dockerfile that does not parse',
    dockerfile: 'FROM scratch\n\nNONSENSE a\n',
    code: 'DOCKERFILE_INVALID',
    lines: [3, 3],
  },
  {
    title: 'a COPY of what is not there',
    dockerfile: 'FROM scratch\nCOPY nothere /\nCOPY file /\n',
    code: 'BUILD_FAILED',
    step: 'COPY nothere /',
    lines: [2, 2],
  },
  {
    title: 'a stage that is not there',
    dockerfile: 'FROM scratch AS one\nCOPY file /\n',
    target: 'nope',
    code: 'DOCKERFILE_INVALID',
  },
  {
    title: 'a base image that is not there',
    dockerfile: 'FROM shipway/nothing:1\nRUN echo never\n',
    code: 'IMAGE_NOT_FOUND',
    lines: [1, 1],
  },
]

for (const engine of buildKitEngines) {
  describe(`a build that fails with ${engine.name}`, () => {
    for (const { title, dockerfile, target, ...expected } of cases) {
      testWithLab(`${title}: says what docker buildx build prints`, async (t) => {
        if (whyNoBuildx) return t.skip(whyNoBuildx)
        const contextDirectory = await temporaryFolder(t, {
          'sub/app.Dockerfile': dockerfile,
          file: 'x',
        })
        const file = 'sub/app.Dockerfile'
        const options: BuildOptions = {
          engine: engine.endpoint,
          contextDirectory,
          dockerfile: file,
          network: 'host',
        }
        const args = ['--progress=plain', `--file=${path.join(contextDirectory, file)}`]
        const [error, printed] = await Promise.all([
          failure(buildImage(target ? { ...options, target } : options)),
          buildxBuild(engine, [...args, ...(target ? ['--target', target] : []), contextDirectory]),
        ])

        assert.equal(error.code, expected.code)
        assert.equal(error.exitCode, expected.exitCode)
        if (expected.step) assert.equal(error.step, expected.step)

        const said = /^ERROR: failed to build: failed to solve: (.*)$/m.exec(printed)?.[1]
        const prefix = 'cannot build the image: '
        assert.ok(error.message.startsWith(prefix), error.message)
        assert.equal(same(error.message.slice(prefix.length)), same(said ?? printed))

        const excerpt = /^\S*Dockerfile:\d+\n-{20}\n[^]*?\n-{20}$/m.exec(printed)?.[0]
        assert.equal(error.dockerfile?.excerpt, excerpt)
        // Docker 20.10 sends no places.
        if (expected.lines && excerpt) {
          assert.deepEqual([error.dockerfile?.startLine, error.dockerfile?.endLine], expected.lines)
        }
        if (error.dockerfile) assert.equal(error.dockerfile.path, path.join(contextDirectory, file))
      })
    }

    testWithLab('hides secret build arguments in its lines of the Dockerfile', async () => {
      const error = await failure(
        buildImage({
          engine: engine.endpoint,
          network: 'host',
          dockerfileInline: `${BASE}RUN echo hunter2; exit 1\n`,
          buildArgs: { NPM_TOKEN: 'hunter2' },
        }),
      )
      assert.equal(error.step, 'RUN echo ***; exit 1')
      assert.ok(!JSON.stringify({ ...error, message: error.message }).includes('hunter2'))
    })

    testWithLab('for a reason that is not UTF-8 has its step', async () => {
      const error = await failure(
        buildImage({
          engine: engine.endpoint,
          network: 'host',
          dockerfileInline: [
            'FROM debian:bookworm-slim AS a',
            String.raw`RUN mkdir -p "/a/$(printf 'caf\351')" /b && touch "/b/$(printf 'caf\351')"`,
            'FROM debian:bookworm-slim',
            'COPY --from=a /a /d',
            'COPY --from=a /b /d',
          ].join('\n'),
        }),
      )
      assert.equal(error.code, 'BUILD_FAILED')
      // Docker 28 cannot put the reason into a message, and says nothing from there on.
      if (engine.name === 'docker-20.10') assert.equal(error.step, 'COPY --from=a /b /d')
      else assert.match(error.message, /the engine cannot say why it failed/)
    })

    testWithLab('has the last lines of the failed step, and of no other', async () => {
      const error = await failure(
        buildImage({
          engine: engine.endpoint,
          network: 'host',
          noCache: true,
          dockerfileInline: [
            'FROM debian:bookworm-slim AS quiet',
            'RUN for i in $(seq 100); do echo quiet; sleep 0.1; done',
            'FROM debian:bookworm-slim AS loud',
            'RUN for i in $(seq 30); do echo loud $i; done; sleep 0.5; exit 1',
            'FROM scratch',
            'COPY --from=quiet /etc/hostname /a',
            'COPY --from=loud /etc/hostname /b',
          ].join('\n'),
        }),
      )
      assert.equal(error.exitCode, 1)
      assert.deepEqual(
        error.logTail,
        Array.from({ length: 20 }, (_, index) => `loud ${index + 11}`),
      )
      assert.equal(error.hint, 'read the log of the failed step')
      assert.equal(error.dockerfile?.path, undefined)
    })
  })
}

/** Without what differs from build to build, and without a layer of docker's own in front of engines before 23.0. */
function same(message: string): string {
  return message
    .replace(/^rpc error: code = \w+ desc = /, '')
    .replace(/checksum of ref \S+: /, 'checksum of ref: ')
}
