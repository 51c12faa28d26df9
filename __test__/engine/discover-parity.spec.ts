import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe } from 'node:test'

import { imageExists } from '../../index.mjs'
import { freePort } from '../helpers/container.ts'
import { setVariables } from '../helpers/docker-config.ts'
import { dockerSettings } from '../helpers/docker-context.ts'
import { tryDocker } from '../helpers/docker.ts'
import { startProxy } from '../helpers/engine-proxy.ts'
import { type Engine, engines, testWithLab as test } from '../helpers/engines.ts'
import { temporaryFolder } from '../helpers/folder.ts'

/** An image that no engine has. */
const IMAGE = 'face/parity-not-there:1'

/** A place of this machine where nobody listens, so that what is found is not what some machine happens to have. */
const NOWHERE = 'unix:///there/is/none'

const [one, other] = engines

interface Row {
  says: string
  env: Record<string, string>
  /** Where we go elsewhere than docker, and why. */
  differs?: string
}

describe('the engine that is found', { skip: !one || !other }, () => {
  test('is the one that docker finds in the same surroundings', async (t) => {
    // Two ways to each engine, which tell who has come.
    const ways = await Promise.all([one, other].map((engine) => startProxy(engine as Engine)))
    const [a, b] = ways.map((way) => way.endpoint) as [string, string]
    t.after(() => ways.forEach((way) => way.close()))
    const settings = await dockerSettings(t)
    for (const [name, host] of [
      ['one', a],
      ['other', b],
      ['gone', NOWHERE],
      ['refusing', `tcp://127.0.0.1:${await freePort()}`],
    ] as const) {
      await settings.docker(['context', 'create', name, '--docker', `host=${host}`])
    }
    const folder = async (config: string | object) => {
      const made = await temporaryFolder(t)
      const text = typeof config === 'string' ? config : JSON.stringify(config)
      writeFileSync(path.join(made, 'config.json'), text)
      return made
    }
    const contexts = path.join(settings.folder, 'contexts')
    const withContexts = async (config: string | object) => {
      const made = await folder(config)
      cpSync(contexts, path.join(made, 'contexts'), { recursive: true })
      return made
    }
    const current = (currentContext: unknown) => withContexts({ currentContext })
    const home = await temporaryFolder(t)
    cpSync(await current('other'), path.join(home, '.docker'), { recursive: true })

    const DOCKER_CONFIG = settings.folder
    const rows: Row[] = [
      { says: 'DOCKER_HOST', env: { DOCKER_HOST: a } },
      { says: 'DOCKER_HOST over DOCKER_CONTEXT', env: { DOCKER_HOST: a, DOCKER_CONTEXT: 'other' } },
      {
        says: 'DOCKER_HOST over a context that does not exist',
        env: { DOCKER_HOST: a, DOCKER_CONTEXT: 'none' },
      },
      {
        says: 'DOCKER_HOST over the current context',
        env: { DOCKER_HOST: a, DOCKER_CONFIG: await current('other') },
      },
      { says: 'DOCKER_HOST with blanks around it', env: { DOCKER_HOST: ` ${a} ` } },
      { says: 'DOCKER_HOST without a scheme', env: { DOCKER_HOST: a.replace('tcp://', '') } },
      { says: 'DOCKER_HOST with a path', env: { DOCKER_HOST: `${a}/` } },
      { says: 'DOCKER_HOST at which nobody is', env: { DOCKER_HOST: NOWHERE } },
      { says: 'DOCKER_HOST of no known scheme', env: { DOCKER_HOST: 'gopher://127.0.0.1:1' } },
      { says: 'DOCKER_HOST of no valid port', env: { DOCKER_HOST: 'tcp://127.0.0.1:port' } },
      {
        says: 'DOCKER_HOST that is a path',
        env: { DOCKER_HOST: '/var/run/docker.sock' },
      },
      {
        says: 'DOCKER_HOST whose scheme is http',
        env: { DOCKER_HOST: a.replace('tcp://', 'http://') },
        differs: 'docker takes no URL of the web; `http://` is plain TCP here',
      },
      {
        says: 'a unix socket',
        env: { DOCKER_HOST: String(one?.endpoint) },
      },
      { says: 'DOCKER_CONTEXT', env: { DOCKER_CONTEXT: 'other' } },
      {
        says: 'DOCKER_CONTEXT over the current context',
        env: { DOCKER_CONTEXT: 'one', DOCKER_CONFIG: await current('other') },
      },
      {
        says: 'DOCKER_CONTEXT where DOCKER_HOST is empty',
        env: { DOCKER_HOST: '', DOCKER_CONTEXT: 'one' },
      },
      { says: 'DOCKER_CONTEXT of no context', env: { DOCKER_CONTEXT: 'none' } },
      { says: 'DOCKER_CONTEXT that is no name', env: { DOCKER_CONTEXT: '../one' } },
      { says: 'DOCKER_CONTEXT in other case', env: { DOCKER_CONTEXT: 'ONE' } },
      { says: 'DOCKER_CONTEXT whose engine is away', env: { DOCKER_CONTEXT: 'gone' } },
      { says: 'DOCKER_CONTEXT whose port refuses', env: { DOCKER_CONTEXT: 'refusing' } },
      { says: 'the current context', env: { DOCKER_CONFIG: await current('other') } },
      {
        says: 'the current context where variables are empty',
        env: { DOCKER_CONFIG: await current('one'), DOCKER_HOST: '', DOCKER_CONTEXT: '' },
      },
      {
        says: 'a current context that does not exist',
        env: { DOCKER_CONFIG: await current('none') },
      },
      {
        says: 'a current context in settings without contexts',
        env: { DOCKER_CONFIG: await folder({ currentContext: 'one' }) },
      },
      { says: 'the settings at home', env: { DOCKER_CONFIG: '', HOME: home } },
      {
        says: 'settings in other case',
        env: { DOCKER_CONFIG: await withContexts('{"CURRENTCONTEXT":"one"}') },
      },
      {
        says: 'settings with something after them',
        env: { DOCKER_CONFIG: await withContexts('{"currentContext":"one"} and more') },
      },
      {
        says: 'TLS where plain HTTP is spoken',
        env: { DOCKER_HOST: a, DOCKER_TLS_VERIFY: '1' },
      },
      {
        says: 'empty TLS variables',
        env: { DOCKER_HOST: a, DOCKER_TLS_VERIFY: '', DOCKER_TLS: '' },
      },
      {
        says: 'certificates without TLS',
        env: { DOCKER_HOST: a, DOCKER_CERT_PATH: '/there/is/none' },
      },
      {
        says: 'TLS variables beside a context',
        env: { DOCKER_CONTEXT: 'one', DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '/there/is/none' },
      },
    ]

    for (const { says, env, differs } of rows) {
      const clean = { DOCKER_HOST: '', DOCKER_CONTEXT: '', DOCKER_TLS: '', DOCKER_TLS_VERIFY: '' }
      const full = { ...clean, DOCKER_CERT_PATH: '', DOCKER_CONFIG, ...env }
      const reached = async (ask: () => Promise<boolean>) => {
        for (const way of ways) way.lines.length = 0
        if (!(await ask())) return null
        const used = ways.findIndex((way) => way.lines.length > 0)
        return ['one', 'other'][used] ?? 'neither'
      }
      setVariables(t, full)
      const theirs = await reached(async () => {
        const { status } = await tryDocker('docker-29', ['version'], full)
        return status === 0
      })
      const ours = await reached(() =>
        imageExists(IMAGE).then(
          () => true,
          () => false,
        ),
      )
      if (differs) assert.notEqual(ours, theirs, `${says}: there is no difference`)
      else assert.equal(ours, theirs, says)
      t.diagnostic(`${says}: ${theirs ?? 'refused'}${differs ? `, here ${ours}: ${differs}` : ''}`)
    }
  })
})
