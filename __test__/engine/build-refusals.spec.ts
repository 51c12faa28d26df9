import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { type BuildOptions, buildImage } from '../../index.mjs'
import { engines, testWithLab as test } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'

interface Case {
  title: string
  options: BuildOptions
  code: string
  hint: RegExp
  /** The first API whose engines do it. */
  since?: string
}

const cases: Case[] = [
  {
    title: 'a Dockerfile in UTF-16',
    options: { contextFiles: { Dockerfile: Buffer.from('\ufeffFROM scratch\n', 'utf16le') } },
    code: 'DOCKERFILE_INVALID',
    hint: /UTF-8/,
  },
  {
    title: 'a Dockerfile of whose words one is not UTF-8',
    options: {
      contextFiles: { Dockerfile: Buffer.from('FROM scratch\nCAF\u00e9 x\n', 'latin1') },
    },
    code: 'DOCKERFILE_INVALID',
    hint: /UTF-8|correct the Dockerfile/,
  },
]

for (const engine of engines) {
  describe(`refused with ${engine.name} is`, () => {
    for (const { title, options, code, hint, since } of cases) {
      if (since && engine.apiVersion && Number(engine.apiVersion) < Number(since)) continue
      test(title, async () => {
        const error = await failure(buildImage({ ...options, engine: engine.endpoint }))
        assert.equal(error.code, code, error.message)
        assert.match(String(error.hint), hint)
        assert.equal(error.retryable, false)
        assert.doesNotMatch(String(error.stack), /Error \{|StreamId/)
      })
    }
  })
}
