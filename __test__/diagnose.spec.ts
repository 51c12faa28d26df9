import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'

import { diagnose } from '../index.mjs'
import { setVariables, useDockerConfig } from './helpers/docker-config.ts'
import { type Script, hang, json, startEngine } from './helpers/fake-engine.ts'
import { failure, rejection } from './helpers/failure.ts'
import { temporaryFolder } from './helpers/folder.ts'

const INFO = { OperatingSystem: 'Debian', Driver: 'overlay2', DriverStatus: [] }

/** An engine of the tests that `DOCKER_HOST` names. */
async function useEngine(t: TestContext, script: Script = {}) {
  const others = { '/info': json(200, INFO), '/version': json(200, { Version: '28.5.2' }) }
  const engine = await startEngine({ ...script, others: { ...others, ...script.others } })
  t.after(() => engine.close())
  setVariables(t, { DOCKER_HOST: engine.endpoint, DOCKER_CONTEXT: '' })
  return engine
}

/** Surroundings of which nothing names an engine, with a home that has none. */
async function useNothing(t: TestContext): Promise<string> {
  const home = await temporaryFolder(t)
  const none = { DOCKER_HOST: '', DOCKER_CONTEXT: '', DOCKER_CONFIG: '' }
  setVariables(t, { ...none, HOME: home, XDG_RUNTIME_DIR: home })
  return home
}

/** A socket that answers every ping. */
async function listen(t: TestContext, file: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () =>
      socket.end('HTTP/1.1 200 OK\r\napi-version: 1.41\r\ncontent-length: 2\r\n\r\nOK'),
    )
  })
  await new Promise<void>((resolve) => server.listen(file, resolve))
  t.after(() => server.close())
}

test('that there is no engine is a finding, with what was tried and what to do', async (t) => {
  await useNothing(t)
  setVariables(t, { DOCKER_HOST: 'unix:///there/is/none' })
  const { endpoint, engine, problem, considered, findings, text } = await diagnose()
  assert.deepEqual([endpoint, engine], [null, null])
  assert.equal(problem?.code, 'ENGINE_UNREACHABLE')
  assert.ok(problem?.hint)
  const [first] = considered
  assert.equal(first?.address, 'unix:///there/is/none')
  assert.equal(first?.reason, 'DOCKER_HOST')
  assert.equal(first?.outcome, 'notFound')
  assert.equal(first?.code, 'ENGINE_UNREACHABLE')
  assert.deepEqual(findings[0], { severity: 'error', ...problem })
  assert.match(text, /\n✗ no engine\n {2}no socket {7}unix:\/\/\/there\/is\/none \(DOCKER_HOST\)\n/)
  assert.match(text, /✗ ENGINE_UNREACHABLE: cannot reach/)
})

test('an engine that answers elsewhere than where one was named is told', async (t) => {
  const home = await useNothing(t)
  await listen(t, path.join(home, 'docker.sock'))
  setVariables(t, { DOCKER_HOST: 'tcp://127.0.0.1:1' })
  const { considered, findings, text } = await diagnose()
  assert.equal(considered[0]?.outcome, 'refused')
  const address = `unix://${home}/docker.sock`
  const other = considered.find((one) => one.address === address)
  assert.deepEqual(other, { address, reason: 'rootless Docker', outcome: 'available' })
  const elsewhere = findings.find(({ code }) => code === 'ENGINE_ELSEWHERE')
  assert.equal(elsewhere?.severity, 'warning')
  assert.match(String(elsewhere?.hint), /unset DOCKER_HOST/)
  assert.match(text, /\n {2}answers too/)
})

const whyNotForbidden =
  process.getuid?.() === 0 ? false : 'only root can be somebody else for a while'

test(
  'a socket that this user may not open is told as that',
  { skip: whyNotForbidden },
  async (t) => {
    const home = await useNothing(t)
    const file = path.join(home, 'docker.sock')
    await listen(t, file)
    await chmod(file, 0o600)
    await chmod(home, 0o755)
    setVariables(t, { DOCKER_HOST: `unix://${file}` })
    process.seteuid?.(65534)
    const { considered, problem } = await diagnose().finally(() => process.seteuid?.(0))
    assert.equal(considered[0]?.outcome, 'forbidden')
    assert.equal(problem?.code, 'ENGINE_PERMISSION_DENIED')
    assert.match(String(problem?.hint), /group/)
  },
)

test('a context that is not there is told, and not another engine taken for it', async (t) => {
  const home = await useNothing(t)
  await listen(t, path.join(home, 'docker.sock'))
  setVariables(t, { DOCKER_CONTEXT: 'prod' })
  for (const diagnosis of [await diagnose(), await diagnose({ engine: 'prod' })]) {
    const { engine, problem, considered, text } = diagnosis
    assert.equal(engine, null)
    assert.equal(problem?.code, 'INVALID_OPTION')
    assert.equal(considered[0]?.context, 'prod')
    assert.equal(considered[0]?.outcome, 'invalid')
    assert.match(text, /\n {2}invalid {9}context prod \((?:DOCKER_CONTEXT|option)\)\n/)
    assert.match(text, /→ `docker context ls` lists the contexts/)
  }
})

test('a context beside DOCKER_HOST is overruled, and said to be', async (t) => {
  await useEngine(t)
  setVariables(t, { DOCKER_CONTEXT: 'prod' })
  const { engine, considered, findings } = await diagnose()
  assert.equal(engine?.version, '28.5.2')
  assert.deepEqual(
    considered.map(({ reason, context, outcome }) => [reason, context, outcome]).slice(0, 2),
    [
      ['DOCKER_HOST', undefined, 'used'],
      ['DOCKER_CONTEXT', 'prod', 'overruled'],
    ],
  )
  assert.ok(findings.some(({ code }) => code === 'CONTEXT_OVERRULED'))
})

test('an engine that does not say all is described as far as it does', async (t) => {
  const late = json(500, { message: 'no such disk' })
  await useEngine(t, { others: { '/info': hang, '/system/df': late } })
  const { engine, findings } = await diagnose({ timeouts: { connectMs: 300 } })
  assert.equal(engine?.version, '28.5.2')
  assert.equal(engine?.operatingSystem, undefined)
  const codes = findings.map(({ severity, code }) => `${severity} ${code}`)
  assert.deepEqual(codes.toSorted(), [
    'info NO_BUILDKIT',
    'warning ENGINE_ERROR',
    'warning TIMEOUT',
  ])
  assert.ok(findings.some(({ message }) => /`\/info`: no answer came within 0\.3 s/.test(message)))
})

test('control sequences of an engine are harmless', async (t) => {
  const evil = '\u001B]0;title\u0007\u001B[2J\u202Evil\r\nsecond'
  const info = { ...INFO, OperatingSystem: evil, Warnings: [evil], HttpProxy: evil }
  await useEngine(t, {
    others: { '/info': json(200, info), '/version': json(200, { Version: evil }) },
  })
  const diagnosis = await diagnose()
  assert.equal(diagnosis.engine?.operatingSystem, 'vil second')
  assert.doesNotMatch(diagnosis.text, /[^\P{Cc}\n]|\u202E/u)
  assert.doesNotMatch(JSON.stringify(diagnosis).replaceAll('\\n', ''), /\\u|\u202E/)
})

test('credentials are told by where they are, and no secret and no user name with it', async (t) => {
  const secret = 'canary-4f1d'
  const auth = Buffer.from(`ada-canary:${secret}`).toString('base64')
  const info = { ...INFO, HttpsProxy: `http://ada-canary:${secret}@proxy:3128` }
  await useEngine(t, { others: { '/info': json(200, info) } })
  const config = {
    auths: { 'file.example': { auth } },
    credHelpers: { 'kept.example': 'test', 'gone.example': 'gone' },
  }
  const folder = await useDockerConfig(t, config, { test: 'touch "$0.ran"' })
  setVariables(t, {
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'variable.example': { auth } } }),
    HTTPS_PROXY: `http://ada-canary:${secret}@proxy:3128`,
  })
  const hosts = ['given', 'variable', 'file', 'kept', 'gone', 'other']
  const diagnosis = await diagnose({
    images: hosts.map((host) => `${host}.example/app`),
    credentials: { 'given.example': { username: 'ada-canary', password: secret } },
  })
  const file = path.join(folder, 'config.json')
  assert.deepEqual(
    diagnosis.registries.map(
      ({ credentials: { problem: _problem, ...credentials } }) => credentials,
    ),
    [
      { origin: 'option' },
      { origin: 'DOCKER_AUTH_CONFIG' },
      { origin: 'config.json', file },
      { origin: 'helper', helper: 'docker-credential-test', file },
      { origin: 'helper', helper: 'docker-credential-gone', file },
      { origin: 'none' },
    ],
  )
  const problems = diagnosis.registries.map(({ credentials }) => credentials.problem?.code)
  assert.deepEqual(problems, [...Array(4), 'CREDENTIAL_HELPER', undefined])
  const missing = diagnosis.findings.find(({ code }) => code === 'CREDENTIAL_HELPER')
  assert.match(String(missing?.message), /`docker-credential-gone`.*no such program on the PATH/)
  assert.ok(!existsSync(path.join(folder, 'docker-credential-test.ran')))
  const shown = inspect(diagnosis, { depth: null }) + JSON.stringify(diagnosis)
  assert.doesNotMatch(shown, new RegExp(`canary|${auth.slice(0, 20)}`))
  assert.ok(diagnosis.shipway.variables.includes('HTTPS_PROXY'))
})

test('settings that cannot be read are a finding', async (t) => {
  await useEngine(t)
  await useDockerConfig(t, '{"auths": {"ghcr.io": {"auth": "canary"')
  const { findings, text } = await diagnose()
  const broken = findings.find(({ code }) => code === 'DOCKER_CONFIG_INVALID')
  assert.match(String(broken?.message), /config\.json`: line 1 is not JSON/)
  assert.doesNotMatch(text, /canary/)
})

test('only invalid options, an abort and a deadline reject', async (t) => {
  await useEngine(t, { ping() {} })
  for (const options of [{ engine: 'ftp://host' }, { engine: '/var/run/docker.sock' }]) {
    const error = await failure(diagnose(options))
    assert.deepEqual([error.code, error.operation], ['INVALID_OPTION', 'connect'])
  }
  assert.equal((await failure(diagnose({ images: ['A b'] }))).code, 'INVALID_REFERENCE')
  const late = await failure(diagnose({ timeouts: { totalMs: 50 } }))
  assert.deepEqual([late.code, late.operation], ['DEADLINE', 'diagnose'])
  const reason = new Error('enough')
  assert.equal(await rejection(diagnose({ signal: AbortSignal.abort(reason) })), reason)
  const controller = new AbortController()
  const call = rejection(diagnose({ signal: controller.signal }))
  controller.abort(reason)
  assert.equal(await call, reason)
})
