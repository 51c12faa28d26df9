import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { type Diagnosis, diagnose } from '../../index.mjs'
import { type Engine, ask, engines, testWithEngine as test } from '../helpers/engines.ts'
import { openSockets } from '../helpers/open-files.ts'

interface Info {
  ServerVersion: string
  OperatingSystem: string
  KernelVersion: string
  Driver: string
  DriverStatus: string[][]
  DockerRootDir: string
  NCPU: number
  MemTotal: number
  SecurityOptions: string[]
}

interface Version {
  ApiVersion: string
  MinAPIVersion: string
  Os: string
  Arch: string
  Components: { Name: string }[]
}

const told = async <T>(engine: Engine, path: string) =>
  JSON.parse((await ask(engine, 'GET', path)).body) as T

for (const engine of engines) {
  describe(`a diagnosis of ${engine.name}`, () => {
    test('says of the engine what docker info says', async () => {
      const [info, version] = await Promise.all([
        told<Info>(engine, '/info'),
        told<Version>(engine, '/version'),
      ])
      const {
        endpoint,
        considered,
        engine: facts,
      } = await diagnose({
        engine: engine.endpoint,
        // An engine with much to count takes its time.
        timeouts: { connectMs: 60_000 },
      })
      assert.ok(facts)
      assert.deepEqual(endpoint, { address: engine.endpoint, reason: 'option', outcome: 'used' })
      assert.deepEqual(considered[0], endpoint)
      assert.deepEqual(
        {
          version: facts.version,
          apiVersion: facts.apiVersion,
          minApiVersion: facts.minApiVersion,
          operatingSystem: facts.operatingSystem,
          kernelVersion: facts.kernelVersion,
          platform: facts.platform,
          storageDriver: facts.storageDriver,
          rootDirectory: facts.disk.rootDirectory,
          cpus: facts.cpus,
          memoryBytes: facts.memoryBytes,
          rootless: facts.rootless,
        },
        {
          version: info.ServerVersion,
          apiVersion: version.ApiVersion,
          minApiVersion: version.MinAPIVersion,
          operatingSystem: info.OperatingSystem,
          kernelVersion: info.KernelVersion,
          platform: `${version.Os}/${version.Arch}`,
          storageDriver: info.Driver,
          rootDirectory: info.DockerRootDir,
          cpus: info.NCPU,
          memoryBytes: info.MemTotal,
          rootless: info.SecurityOptions.includes('name=rootless'),
        },
      )
      const isPodman = version.Components.some(({ Name }) => Name === 'Podman Engine')
      assert.equal(facts.name === 'Podman', isPodman)
      if (!isPodman && engine.store) assert.equal(facts.store, engine.store)
      assert.ok(facts.platforms.includes(String(facts.platform)))
      // Podman 4 does not count them.
      if (!isPodman) assert.equal(typeof facts.disk.imagesBytes, 'number')
      // Every Docker of the lab has a BuildKit, and gRPC on its own endpoint from API 1.53 on.
      assert.equal(facts.buildkit.available, !isPodman)
      const [, minor] = String(facts.apiVersion).split('.').map(Number)
      const way = Number(minor) >= 53 ? 'direct' : 'upgrade'
      assert.equal(facts.buildkit.way, isPodman ? undefined : way)
      const needsContainerd = facts.buildkit.unsupported.includes('platforms')
      assert.equal(needsContainerd, facts.store === 'graphdriver')
    })

    test('can be read in a terminal, and ends with what is wrong', async () => {
      const diagnosis = await diagnose({ engine: engine.endpoint })
      checkShape(diagnosis)
      const { text, engine: facts, findings } = diagnosis
      assert.match(text, /^shipway \d+\.\d+\.\d+ on \S+, Node\.js \d/)
      assert.ok(text.includes(`\n✓ ${facts?.name} ${facts?.version}\n`), text)
      assert.deepEqual(
        findings.filter(({ severity }) => severity === 'error'),
        [],
      )
      for (const { code } of findings) assert.ok(text.includes(`${code}: `), text)
    })

    test('is a plain object, and leaves no connection open', async () => {
      const before = await openSockets()
      const diagnosis = await diagnose({ engine: engine.endpoint, images: ['acme/app:1.4'] })
      assert.equal(await openSockets(), before)
      assert.deepEqual(structuredClone(diagnosis), diagnosis)
      assert.deepEqual(diagnosis.registries, [
        {
          registry: 'docker.io',
          images: ['docker.io/acme/app:1.4'],
          credentials: { origin: 'none' },
        },
      ])
    })
  })
}

/** Lines fit a terminal, save for what has no place to break. */
function checkShape({ text }: Diagnosis): void {
  for (const line of text.split('\n')) {
    assert.equal(line, line.trimEnd())
    assert.ok([...line].length <= 80 || !/\S\s+\S+\s+\S/.test(line.trim()), line)
  }
  assert.doesNotMatch(text, /[^\P{Cc}\n]/u)
  assert.doesNotMatch(text, /\n\n\n|\n$/)
}
