import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'

/** Makes a folder with `files`, which is removed after the test. */
export async function folder(
  t: TestContext,
  files: Record<string, string | Uint8Array> = {},
): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'shipway-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true })
    await writeFile(path.join(root, name), content)
  }
  return root
}
