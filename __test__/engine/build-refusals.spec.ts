import assert from 'node:assert/strict'
import { describe } from 'node:test'

import { type BuildOptions, buildImage } from '../../index.mjs'
import { engines, testWithLab as test, testBuildKitOf } from '../helpers/engines.ts'
import { failure } from '../helpers/failure.ts'

interface Case {
  title: string
  options: BuildOptions
  code: string
  hint: RegExp
  message?: RegExp
  /** The first API whose engines do it. */
  since?: string
  /** Whether it is BuildKit that refuses, or would have to. */
  buildKit?: boolean
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
  {
    title: 'an empty Dockerfile',
    options: { dockerfileInline: '' },
    code: 'DOCKERFILE_INVALID',
    hint: /^correct the Dockerfile$/,
  },
  {
    title: 'a Dockerfile in which findings are errors',
    options: { dockerfileInline: '# check=error=true\nFROM scratch as Upper\nCOPY . /\n' },
    code: 'DOCKERFILE_INVALID',
    hint: /`checkBuild`/,
    since: '1.50',
  },
  {
    title: 'the network of the engine in a step',
    options: {
      dockerfileInline: 'FROM debian:bookworm-slim\nRUN --network=host true\n',
    },
    code: 'INVALID_OPTION',
    hint: /`allow: \['network\.host'\]`/,
    since: '1.50',
  },
  {
    title: 'a COPY of what is not there',
    options: { dockerfileInline: 'FROM scratch\nCOPY nope /\n' },
    code: 'BUILD_FAILED',
    hint: /\.dockerignore/,
  },
  {
    title: 'a COPY of what is not there, by the classic builder',
    options: { builder: 'classic', dockerfileInline: 'FROM scratch\nCOPY nope /\n' },
    code: 'BUILD_FAILED',
    hint: /\.dockerignore/,
  },
  {
    title: 'a secret for the classic builder that was asked for',
    buildKit: true,
    options: {
      builder: 'classic',
      dockerfileInline: 'FROM scratch\n',
      secrets: { token: { value: 'canary-3c4d' } },
    },
    code: 'UNSUPPORTED_BY_ENGINE',
    hint: /unset DOCKER_BUILDKIT/,
  },
  {
    title: 'a URL at which nothing answers',
    buildKit: true,
    options: { contextUrl: 'http://127.0.0.1:9/context.tar.gz' },
    code: 'CONTEXT_INVALID',
    hint: /check the URL/,
  },
  {
    title: 'a repository at which nothing answers',
    buildKit: true,
    options: { contextUrl: 'http://127.0.0.1:9/repository.git' },
    code: 'CONTEXT_INVALID',
    hint: /check the URL/,
  },
  {
    title: 'a host that there is not',
    buildKit: true,
    options: { contextUrl: 'http://nowhere.invalid/context.tar.gz' },
    code: 'CONTEXT_INVALID',
    hint: /check the URL/,
  },
  {
    title: 'a folder that is not there',
    options: { contextDirectory: '/nothing' },
    code: 'CONTEXT_INVALID',
    hint: /`contextDirectory`/,
  },
  {
    title: 'a context that is the name of an image',
    buildKit: true,
    options: {
      contexts: { base: 'debian:bookworm-slim' },
      dockerfileInline: 'FROM base\n',
    },
    code: 'CONTEXT_INVALID',
    hint: /`docker-image:\/\/NAME`/,
  },
  {
    title: 'an ignore file with a pattern that is none',
    options: { contextFiles: { Dockerfile: 'FROM scratch\n', '.dockerignore': 'a\nb[\n' } },
    code: 'CONTEXT_INVALID',
    message: /`\.dockerignore`: line 2: syntax error in pattern `b\[`/,
    hint: /correct the pattern/,
  },
  {
    title: 'a tag in upper case',
    options: { dockerfileInline: 'FROM scratch\n', tags: ['User/app'] },
    code: 'INVALID_REFERENCE',
    hint: /lower case/,
  },
]

for (const engine of engines) {
  describe(`refused with ${engine.name} is`, () => {
    for (const { title, options, code, hint, message, since, buildKit } of cases) {
      if (since && engine.apiVersion && Number(engine.apiVersion) < Number(since)) continue
      const testThis = buildKit ? testBuildKitOf(engine) : test
      testThis(title, async () => {
        const error = await failure(buildImage({ ...options, engine: engine.endpoint }))
        assert.equal(error.code, code, error.message)
        assert.match(String(error.hint), hint)
        if (message) assert.match(error.message, message)
        assert.equal(error.retryable, false)
        assert.doesNotMatch(String(error.stack), /Error \{|StreamId/)
      })
    }
  })
}
