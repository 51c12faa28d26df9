import assert from 'node:assert/strict'
import { test } from 'node:test'

import { buildImage, ensureImage, imageExists, inspectImage, pullImage } from '../index.mjs'
import { failure } from './helpers/failure.ts'
import { json, pulls, startEngine } from './helpers/fake-engine.ts'

const ID = `sha256:${'a'.repeat(64)}`

test('a pull resolves to the image and to what served it', async (t) => {
  const engine = await startEngine({ pull: [json(404, { message: 'manifest unknown' }), pulls()] })
  t.after(() => engine.close())
  const { durationMs, attempts, ...image } = await pullImage('acme/app:1', {
    engine: engine.endpoint,
    fallbacks: ['ghcr.io/acme/app:1'],
  })
  assert.deepEqual(image, {
    reference: 'docker.io/acme/app:1',
    imageId: ID,
    digest: `sha256:${'b'.repeat(64)}`,
    platform: 'linux/amd64',
    sizeBytes: 5,
    source: 'ghcr.io/acme/app:1',
    warnings: [],
  })
  assert.ok(Number.isInteger(durationMs))
  const served = attempts.map(({ registry, attempt, code }) => [registry, attempt, code])
  assert.deepEqual(served, [
    ['docker.io', 1, 'IMAGE_NOT_FOUND'],
    ['ghcr.io', 1, undefined],
  ])
  assert.equal(await imageExists('acme/app:1', { engine: engine.endpoint }), true)
})

test('a pull without a name is of the opencode image, from Docker Hub and then from GHCR', async (t) => {
  const engine = await startEngine({ pull: [json(404, { message: 'manifest unknown' }), pulls()] })
  t.after(() => engine.close())
  const image = await pullImage(undefined, { engine: engine.endpoint })
  assert.equal(image.reference, 'docker.io/prizz/opencode-cloud-sandbox:latest')
  assert.equal(image.source, 'ghcr.io/prizz/opencode-cloud-sandbox:latest')
  assert.equal(await imageExists(undefined, { engine: engine.endpoint }), true)
})

test('an image that was there resolves to where it was found, and nothing is pulled', async (t) => {
  const engine = await startEngine({ images: { 'ghcr.io/acme/app:1': {} } })
  t.after(() => engine.close())
  const { durationMs, ...image } = await ensureImage('acme/app:1', {
    engine: engine.endpoint,
    fallbacks: ['ghcr.io/acme/app:1'],
  })
  assert.ok(Number.isInteger(durationMs))
  assert.deepEqual(image, {
    reference: 'docker.io/acme/app:1',
    imageId: ID,
    platform: 'linux/amd64',
    sizeBytes: 5,
    origin: 'present',
    source: 'ghcr.io/acme/app:1',
    attempts: [],
    warnings: [],
  })
  assert.ok(!engine.requests.some((line) => line.includes('/images/create')))
  assert.equal(await imageExists('acme/app:1', { engine: engine.endpoint }), true)
})

test('the opencode image is pulled or else built; another image only where it is said from what', async (t) => {
  const engine = await startEngine({ pull: json(404, { message: 'manifest unknown' }) })
  t.after(() => engine.close())
  const image = await ensureImage(undefined, { engine: engine.endpoint })
  assert.ok(image.origin === 'built')
  assert.deepEqual(
    [image.reference, image.source, image.builder],
    ['docker.io/prizz/opencode-cloud-sandbox:latest', 'build', 'classic'],
  )
  assert.deepEqual(
    image.attempts.map(({ registry, code }) => [registry, code]),
    [
      ['docker.io', 'IMAGE_NOT_FOUND'],
      ['ghcr.io', 'IMAGE_NOT_FOUND'],
    ],
  )
  const other = await startEngine({ pull: json(404, { message: 'manifest unknown' }) })
  t.after(() => other.close())
  for (const [options, code] of [
    [{ policy: 'never' }, 'IMAGE_NOT_FOUND'],
    [{ build: false }, 'ALL_SOURCES_FAILED'],
  ] as const) {
    const error = await failure(ensureImage(undefined, { engine: other.endpoint, ...options }))
    assert.equal(error.code, code)
  }
  const error = await failure(ensureImage('acme/app:1', { engine: other.endpoint }))
  assert.equal(error.code, 'IMAGE_NOT_FOUND')
})

test('a build resolves to the image and to its steps', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  const { durationMs, ...image } = await buildImage({
    engine: engine.endpoint,
    dockerfileInline: 'FROM scratch\nRUN echo\n',
    tags: ['acme/app:1', 'ghcr.io/acme/app'],
  })
  assert.ok(Number.isInteger(durationMs))
  assert.deepEqual(image, {
    reference: 'docker.io/acme/app:1',
    tags: ['docker.io/acme/app:1', 'ghcr.io/acme/app:latest'],
    builder: 'classic',
    imageId: ID,
    configDigest: ID,
    platform: 'linux/amd64',
    sizeBytes: 5,
    exporterResponse: {},
    source: 'build',
    attempts: [],
    steps: { total: 2, cached: 0 },
    warnings: [],
  })
})

test('a build without a source is of the opencode image, under both of its names', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  const image = await buildImage({ engine: engine.endpoint })
  assert.deepEqual(image.tags, [
    'docker.io/prizz/opencode-cloud-sandbox:latest',
    'ghcr.io/prizz/opencode-cloud-sandbox:latest',
  ])
})

test('every option of a build reaches the engine', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  await buildImage({
    engine: engine.endpoint,
    dockerfileInline: 'FROM scratch',
    buildArgs: { A: '1' },
    labels: { b: '2' },
    target: 'final',
    platform: 'linux/amd64',
    noCache: true,
    pull: true,
    network: 'host',
    addHosts: ['db:10.0.0.1'],
  })
  const request = engine.requests.find((line) => line.startsWith('POST /build'))
  const query = new URL(String(request?.split(' ')[1]), 'http://engine').searchParams
  for (const [name, value] of Object.entries({
    buildargs: '{"A":"1"}',
    labels: '{"b":"2"}',
    target: 'final',
    platform: 'linux/amd64',
    nocache: '1',
    pull: '1',
    networkmode: 'host',
    extrahosts: 'db:10.0.0.1',
  })) {
    assert.equal(query.get(name), value, name)
  }
})

test('a build is told nothing of what is undefined, twice, or only in the environment', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  process.env['SOURCE_DATE_EPOCH'] = '1'
  t.after(() => delete process.env['SOURCE_DATE_EPOCH'])
  const image = await buildImage({
    engine: engine.endpoint,
    dockerfileInline: 'FROM scratch',
    buildArgs: { A: '1', B: undefined },
    labels: { b: undefined },
    tags: ['acme/app:1', 'docker.io/acme/app:1'],
  })
  assert.deepEqual(image.tags, ['docker.io/acme/app:1'])
  const request = engine.requests.find((line) => line.startsWith('POST /build'))
  const query = new URL(String(request?.split(' ')[1]), 'http://engine').searchParams
  assert.equal(query.get('buildargs'), '{"A":"1"}')
  assert.equal(query.get('labels'), null)
  assert.deepEqual(query.getAll('t'), ['docker.io/acme/app:1'])
})

test('an image that is not there is false, and null when it is inspected', async (t) => {
  const engine = await startEngine()
  t.after(() => engine.close())
  assert.equal(await imageExists('acme/app:1', { engine: engine.endpoint }), false)
  assert.equal(await inspectImage('acme/app:1', { engine: engine.endpoint }), null)
})

test('an image that is there has its details', async (t) => {
  const engine = await startEngine({
    images: {
      'docker.io/acme/app:1': {
        RepoTags: ['acme/app:1'],
        RepoDigests: [`acme/app@sha256:${'b'.repeat(64)}`],
        Created: '2024-01-01T00:00:00Z',
        Config: { Labels: { a: 'b' } },
      },
    },
  })
  t.after(() => engine.close())
  assert.deepEqual(await inspectImage('acme/app:1', { engine: engine.endpoint }), {
    imageId: ID,
    configDigest: ID,
    repoTags: ['acme/app:1'],
    repoDigests: [`acme/app@sha256:${'b'.repeat(64)}`],
    platform: 'linux/amd64',
    sizeBytes: 5,
    created: '2024-01-01T00:00:00Z',
    labels: { a: 'b' },
  })
})

test('an image of another platform is not there', async (t) => {
  const engine = await startEngine({ images: { 'docker.io/acme/app:1': {} } })
  t.after(() => engine.close())
  const options = { engine: engine.endpoint, platform: 'linux/arm64' }
  assert.equal(await imageExists('acme/app:1', options), false)
  assert.equal(await imageExists('acme/app:1', { engine: engine.endpoint }), true)
})
