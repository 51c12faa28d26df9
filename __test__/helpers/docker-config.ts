import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'

/** Sets variables of this process until the test has ended. */
export function setVariables(t: TestContext, variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    process.env[name] = value
    t.after(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
}

/**
 * Has `docker`'s settings be `config`, and its helpers be the shell scripts of `helpers`, until the test has ended. Podman has
 * no settings then.
 */
export async function useDockerConfig(
  t: TestContext,
  config: object | string,
  helpers: Record<string, string> = {},
): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'shipway-'))
  t.after(() => rm(folder, { recursive: true }))
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  await writeFile(path.join(folder, 'config.json'), text)
  for (const [name, script] of Object.entries(helpers)) {
    const file = path.join(folder, `docker-credential-${name}`)
    await writeFile(file, `#!/bin/sh\nread -r key\n${script}\n`)
    await chmod(file, 0o755)
  }
  setVariables(t, {
    DOCKER_CONFIG: folder,
    REGISTRY_AUTH_FILE: path.join(folder, 'auth.json'),
    PATH: `${folder}:${process.env['PATH']}`,
  })
  return folder
}
