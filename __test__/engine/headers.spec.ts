import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe } from 'node:test'

import { buildImage, imageExists, pullImage } from '../../index.mjs'
import { setVariables, useDockerConfig } from '../helpers/docker-config.ts'
import { tryDocker } from '../helpers/docker.ts'
import { buildKitEngines, forget, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { startRegistry } from '../helpers/gated-registry.ts'
import { type Arrived, startGuard } from '../helpers/guard.ts'

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string }

for (const engine of buildKitEngines) {
  describe(`requests to ${engine.name}`, () => {
    test('all have the headers that docker was told to send, and say who asks', async (t) => {
      const guard = await startGuard(t, engine, 'x-gate', 'hunter2')
      const registry = await startRegistry({ layers: 1, sizeBytes: 1000 })
      registry.open()
      t.after(() => registry.close())
      t.after(() => forget(engine, registry.reference, 'face/headers:1', 'face/headers:2'))
      await useDockerConfig(t, { HttpHeaders: { 'X-Gate': 'hunter2', 'User-Agent': 'other' } })
      const options = { engine: guard.endpoint }
      const build = (builder: 'buildkit' | 'classic', tag: string) =>
        buildImage({
          ...options,
          builder,
          contextFiles: { Dockerfile: 'FROM scratch\nCOPY file /\n', file: builder },
          tags: [tag],
        })

      await pullImage(registry.reference, options)
      await build('buildkit', 'face/headers:1')
      await build('classic', 'face/headers:2')
      assert.equal(await imageExists('face/headers:2', options), true)

      const has = (pattern: RegExp) => guard.arrived.some(({ line }) => pattern.test(line))
      const isNewest = guard.arrived.some(({ line }) => line.includes('moby.buildkit'))
      const [major, minor] = String(engine.apiVersion).split('.').map(Number)
      assert.equal(isNewest, Number(major) === 1 && Number(minor) >= 53)
      assert.ok(has(isNewest ? /Control\/Session$/ : /^POST \/session$/))
      assert.ok(has(isNewest ? /Control\/Solve$/ : /^POST \/grpc$/))
      for (const path of ['images/create', 'build', 'images/.*/headers:2/json']) {
        assert.ok(has(new RegExp(` /v${engine.apiVersion}/${path}`)), path)
      }
      for (const { line, headers } of guard.arrived) {
        assert.equal(headers['x-gate'], 'hunter2', line)
        assert.equal(headers['user-agent'], `shipway/${version}`, line)
      }
    })

    test('without them are refused by what stands before it, and nothing repeats them', async (t) => {
      const guard = await startGuard(t, engine, 'x-gate', 'hunter2')
      setVariables(t, { DOCKER_CUSTOM_HEADERS: 'X-Gate=hunter3' })
      const error = await failure(imageExists('a', { engine: guard.endpoint }))
      assert.equal(error.code, 'ENGINE_PERMISSION_DENIED')
      assert.match(error.message, /not with /)
      assert.match(String(error.hint), /HttpHeaders/)
      assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error)}`, /hunter3/)
    })
  })
}

describe('the headers of requests', () => {
  const [engine] = buildKitEngines
  test('are those that docker sends in the same surroundings', async (t) => {
    assert.ok(engine)
    const guard = await startGuard(t, engine, 'x-gate', 'hunter2')
    const config = {
      HttpHeaders: { 'X-Gate': 'hunter2', 'X-Of-Config': '1', 'User-Agent': 'x', Accept: 'text/*' },
    }
    const DOCKER_CONFIG = await useDockerConfig(t, config)
    for (const DOCKER_CUSTOM_HEADERS of [
      '',
      'x-gate=hunter2',
      ' x-GATE =hunter2,"X-Two=two,value",X-Three= a b ,X-Four=,x-five=five=one,X-Five=five-two',
      'X-Gate=hunter2,Host=evil,Content-Length=3,User-Agent=y,X-Quoted=a',
    ]) {
      const env = { DOCKER_CUSTOM_HEADERS, DOCKER_CONFIG, DOCKER_HOST: guard.endpoint }
      guard.arrived.length = 0
      const { status, stderr } = await tryDocker('docker-29', ['info'], env)
      assert.equal(status, 0, stderr)
      const theirs = custom(guard.arrived.at(-1))
      setVariables(t, { DOCKER_CUSTOM_HEADERS })
      guard.arrived.length = 0
      await imageExists('face/headers:3', { engine: guard.endpoint })
      for (const arrived of guard.arrived) assert.deepEqual(custom(arrived), theirs)
    }
  })

  test('are refused where docker refuses them, and are not quoted', async (t) => {
    assert.ok(engine)
    const DOCKER_CONFIG = await useDockerConfig(t, {})
    const DOCKER_HOST = engine.endpoint
    for (const DOCKER_CUSTOM_HEADERS of [
      'hunter2',
      '=hunter2',
      'X-A="hunter2"',
      '"X-A=hunter2',
      'X A=hunter2',
      '"X-A=hunter2\r\nX-Evil: 1"',
    ]) {
      const env = { DOCKER_CUSTOM_HEADERS, DOCKER_CONFIG, DOCKER_HOST }
      const docker = await tryDocker('docker-29', ['version'], env)
      assert.notEqual(docker.status, 0, DOCKER_CUSTOM_HEADERS)
      setVariables(t, { DOCKER_CUSTOM_HEADERS })
      const error = await failure(imageExists('a', { engine: DOCKER_HOST }))
      assert.equal(error.code, 'INVALID_OPTION')
      assert.match(error.message, /DOCKER_CUSTOM_HEADERS/)
      assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error)}`, /hunter2/)
    }
  })
})

/** The headers that somebody asked for. */
function custom(arrived?: Arrived) {
  const headers = Object.entries(arrived?.headers ?? {})
  return headers.filter(([name]) => name.startsWith('x-') || name === 'accept').toSorted()
}
