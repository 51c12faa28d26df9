import assert from 'node:assert/strict'
import path from 'node:path'
import { describe } from 'node:test'

import { checkBuild } from '../../index.mjs'
import { engines, isPodman, testWithEngine as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'
import { temporaryFolder } from '../helpers/folder.ts'

const FAULTY = 'FROM scratch as Upper\n\nENV name value\n'

for (const engine of engines) {
  const options = { engine: engine.endpoint }
  const cannot = engine.apiVersion === '1.41' || isPodman(engine)

  describe(`a check with ${engine.name}`, () => {
    if (cannot) {
      test('says that the engine cannot', async () => {
        const error = await failure(checkBuild({ ...options, dockerfileInline: FAULTY }))
        assert.equal(error.code, 'UNSUPPORTED_BY_ENGINE')
        assert.equal(error.operation, 'checkBuild')
      })
      return
    }

    test('finds what the rules find fault with, and where', async () => {
      const { warnings } = await checkBuild({ ...options, dockerfileInline: FAULTY })
      const found = warnings.map(({ rule, startLine, endLine }) => [rule, startLine, endLine])
      assert.deepEqual(found.toSorted(), [
        ['FromAsCasing', 1, 1],
        ['LegacyKeyValueFormat', 3, 3],
        ['StageNameCasing', 1, 1],
      ])
      const legacy = warnings.find(({ rule }) => rule === 'LegacyKeyValueFormat')
      assert.match(String(legacy?.message), /"ENV key=value" should be used/)
      assert.match(String(legacy?.url), /^https:\/\/docs\.docker\.com\//)
    })

    test('finds the same where it is told to be an error', async () => {
      const dockerfileInline = `# check=error=true\n${FAULTY}`
      const { warnings } = await checkBuild({ ...options, dockerfileInline })
      assert.equal(warnings.length, 3)
    })

    test('ignores what concerns only a build', async () => {
      const { warnings } = await checkBuild({
        ...options,
        dockerfileInline: 'FROM scratch\n',
        attestations: { sbom: true },
        cacheTo: [{ type: 'local', directory: '/proc/nothing' }],
        outputs: [{ type: 'oci', file: '/nothing/image.tar' }],
        platforms: ['linux/amd64', 'linux/arm64'],
      })
      assert.deepEqual(warnings, [])
    })

    test('finds nothing where all is well', async (t) => {
      const contextDirectory = await temporaryFolder(t, { Dockerfile: 'FROM scratch\nCOPY . /\n' })
      assert.deepEqual(await checkBuild({ ...options, contextDirectory }), { warnings: [] })
    })

    test('of a Dockerfile that does not parse is DOCKERFILE_INVALID, with its line', async (t) => {
      const contextDirectory = await temporaryFolder(t, {
        Dockerfile: 'FROM scratch\n\nNONSENSE\n',
      })
      const error = await failure(checkBuild({ ...options, contextDirectory }))
      assert.equal(error.code, 'DOCKERFILE_INVALID')
      assert.equal(error.dockerfile?.startLine, 3)
      assert.match(String(error.dockerfile?.excerpt), /^ {3}3 \| >>> NONSENSE$/m)
      assert.equal(error.dockerfile?.path, path.join(contextDirectory, 'Dockerfile'))
    })

    test('of a Dockerfile that is not there is DOCKERFILE_INVALID', async (t) => {
      const contextDirectory = await temporaryFolder(t)
      const error = await failure(checkBuild({ ...options, contextDirectory }))
      assert.equal(error.code, 'DOCKERFILE_INVALID')
    })
  })
}
