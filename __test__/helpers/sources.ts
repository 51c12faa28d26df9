import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

import { temporaryFolder } from './folder.ts'

const run = promisify(execFile)

/** Places from which an engine can fetch a context. */
export interface Sources {
  /** URL of a path, such as `/repository.git`. `user` is `name:password`. */
  url(path: string, user?: string): string
  /** Requests so far, as `GET /path`. */
  requests: string[]
}

/**
 * Serves, on loopback:
 *
 * - `/repository.git`: a git repository. Its branch `main` has a Dockerfile, and its branch `other` one in `folder/`;
 * - `/context.tar.gz`: an archive of the same files as `main`;
 * - `/Dockerfile`: a text;
 * - `/private/…`: the same for `name:hunter2` alone.
 */
export async function startSources(t: TestContext): Promise<Sources> {
  const root = await temporaryFolder(t, {
    'main/Dockerfile': dockerfile('main'),
    'main/other.Dockerfile': dockerfile('other file'),
    'main/file': 'of main',
    'other/folder/Dockerfile': dockerfile('other'),
    'other/folder/file': 'of other',
  })
  await makeRepository(root)
  const archive = await run('tar', ['-cz', '-C', path.join(root, 'main'), '.'], {
    encoding: 'buffer',
  })
  const requests: string[] = []
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://host')
    requests.push(`${request.method} ${pathname}`)
    const isPrivate = pathname.startsWith('/private/')
    const wanted = `Basic ${Buffer.from('name:hunter2').toString('base64')}`
    if (isPrivate && request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="private"' })
      return response.end()
    }
    const place = isPrivate ? pathname.slice('/private'.length) : pathname
    if (place === '/context.tar.gz') return response.end(archive.stdout)
    if (place === '/Dockerfile') return response.end('FROM scratch\nLABEL face.source=text\n')
    if (place.startsWith('/repository.git/')) {
      return serveGit(root, place, searchParams.toString(), request, response)
    }
    response.statusCode = 404
    return response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: (name, user) => `http://${user ? `${user}@` : ''}127.0.0.1:${port}${name}`,
    requests,
  }
}

const dockerfile = (name: string) => `FROM scratch\nCOPY file /file\nLABEL face.source="${name}"\n`

async function makeRepository(root: string): Promise<void> {
  const repository = path.join(root, 'repository.git')
  const person = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b' }
  const env = {
    ...process.env,
    ...person,
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
  }
  const git = (...args: string[]) => run('git', ['--git-dir', repository, ...args], { env })
  await git('init', '--quiet', '--bare', '--initial-branch', 'main')
  for (const branch of ['main', 'other']) {
    await git('symbolic-ref', 'HEAD', `refs/heads/${branch}`)
    const tree = ['--work-tree', path.join(root, branch)]
    await git(...tree, 'add', '--all', '.')
    await git(...tree, 'commit', '--quiet', '--message', branch)
  }
  await git('symbolic-ref', 'HEAD', 'refs/heads/main')
  // BuildKit asks for this one where none is named, before it asks for the default (0.10).
  await git('branch', 'master', 'main')
}

/** Hands a request to git, which answers as a CGI program does (https://git-scm.com/docs/git-http-backend). */
function serveGit(
  root: string,
  name: string,
  query: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const header = (field: string) => String(request.headers[field] ?? '')
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: header('git-protocol'),
      REQUEST_METHOD: request.method,
      PATH_INFO: name,
      QUERY_STRING: query,
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      REMOTE_ADDR: '127.0.0.1',
      // The repository may belong to another user than the one who runs the test.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
    },
  })
  request.pipe(backend.stdin).on('error', () => {})
  const chunks: Buffer[] = []
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  backend.on('close', () => {
    const answer = Buffer.concat(chunks)
    const end = answer.indexOf('\r\n\r\n')
    for (const line of answer.subarray(0, end).toString('latin1').split('\r\n')) {
      const [field = '', value = ''] = line.split(': ', 2)
      if (field === 'Status') response.statusCode = Number.parseInt(value)
      else response.setHeader(field, value)
    }
    response.end(answer.subarray(end + 4))
  })
}
