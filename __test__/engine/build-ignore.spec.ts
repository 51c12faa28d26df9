import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { type TestContext, describe } from 'node:test'

import { type ProgressEvent, buildImage } from '../../index.mjs'
import { dockerBuild, tryDockerBuild } from '../helpers/docker.ts'
import { type Engine, engines, forget, testWithEngine, testWithLab } from '../helpers/engines.ts'
import { type FakeEngine, startEngine } from '../helpers/fake-engine.ts'
import { failure } from '../helpers/failure.ts'
import { ignoreFiles } from '../helpers/ignore-lists.ts'
import { type TarEntry, readTar } from '../helpers/tar.ts'

const LISTS = 320
const SEED = 20_260_101

/** Where files are copied to. It is part of what a step is known by, so that only this run's are found in the cache. */
const PLACE = `${process.pid}.${Date.now()}`

/** Contexts that one build of the docker command reads. */
const BATCH = 40

const FILES = [
  ...`README.md x.log y.log a-b a.b A b bb b|c 10 1 .gitignore a/b/c a/b/d.log a/x a/.git a/bb/c
  src/main src/lib/deep/README.md src/a+b1 src/lib/x.log src/node_modules/x docs/README.md
  docs/deep/b/main docs/x.log ~x node_modules/a/x .git/config .git/b/x !bang #hash café cafés/x
  star* q? [x] back\\slash (a)1 x/y xzy b{2}* }y a$1 1a/2b/3c/4d/deep deep/1/2/3 deep/README.md a1
  ab aab A*x z/z/z/z/z/z.log`.split(/\s+/),
  'sp ace',
  'new\nline/b',
]

describe('.dockerignore', () => {
  const engine = engines.find(({ name }) => name === 'docker-28.5')

  testWithLab('of any shape leaves out what it leaves out of docker build', async (t) => {
    assert.ok(engine, 'the lab has docker-28.5')
    const base = await folder(t)
    const lists = ignoreFiles(LISTS, SEED)
    const contexts = lists.map((list, index) => {
      const context = path.join(base, String(index))
      makeTree(context)
      writeFileSync(path.join(context, '.dockerignore'), list)
      return context
    })

    const seen = await seenByDocker(engine, base, contexts)
    const classic = await startTaker()
    t.after(() => classic.close())
    let paths = 0
    let lossy = 0
    const differences: string[] = []
    for (const [index, context] of contexts.entries()) {
      const { names: expected = [], losesContent } = seen[index] ?? {}
      paths += expected.length
      const taken = await takenByClassic(classic, context)
      if (!isDeepStrictEqual(taken, expected.filter(isNoSetting)))
        differences.push(`classic, list ${index}: ${JSON.stringify(lists[index])}`)
      // Ours sends the content as well.
      if (losesContent) lossy += 1
      if ((await isTheSame(engine, context, index)) === losesContent)
        differences.push(`BuildKit, list ${index}: ${JSON.stringify(lists[index])}`)
    }
    const counts = `${lists.length} lists, ${paths} paths, differences: ${differences.length}`
    t.diagnostic(counts)
    t.diagnostic(`in ${lossy} of them docker sends files without their content, which is sent here`)
    assert.deepEqual(differences, [], counts)
    // The comparison can fail.
    const [first] = contexts
    assert.ok(first)
    writeFileSync(path.join(first, '.dockerignore'), '')
    writeFileSync(path.join(first, 'more'), '')
    assert.equal(await isCached(engine, first, '0'), false)
  })

  testWithLab('of one Dockerfile alone comes before that of the folder', async (t) => {
    assert.ok(engine, 'the lab has docker-28.5')
    const context = await folder(t)
    makeTree(context)
    writeFileSync(path.join(context, '.dockerignore'), '*')
    const classic = await startTaker()
    t.after(() => classic.close())
    for (const [index, list] of ignoreFiles(8, SEED + 1).entries()) {
      const name = `app.${index}`
      const dockerfile = path.join(context, name)
      writeFileSync(dockerfile, copyTo(`alone-${index}`))
      writeFileSync(`${dockerfile}.dockerignore`, list)
      const output = path.join(context, '..', `${path.basename(context)}.tar`)
      t.after(() => rm(output, { force: true }))
      await dockerBuild(engine, ['-f', dockerfile, '--output', `type=tar,dest=${output}`, context])
      const expected = namesBelow(readFileSync(output), `${PLACE}/alone-${index}`)
      const taken = await takenByClassic(classic, context, name)
      assert.deepEqual(taken, expected.filter(isNoSetting), JSON.stringify(list))
      assert.ok(await areStepsCached(engine, { contextDirectory: context, dockerfile: name }))
    }
  })

  testWithLab('that docker refuses is refused', async (t) => {
    assert.ok(engine, 'the lab has docker-28.5')
    const context = await folder(t)
    makeTree(context)
    writeFileSync(path.join(context, 'Dockerfile'), 'FROM scratch\nCOPY . /\n')
    const lists = [
      '!',
      '! /',
      '[a',
      'x[b-a]',
      '[]',
      'a\\',
      '*\\q',
      '[a]{2}{3}',
      '\\8',
      'a\n!b*[c\na*',
    ]
    for (const list of lists) {
      writeFileSync(path.join(context, '.dockerignore'), list)
      const { status } = await tryDockerBuild(engine, ['--output', 'type=cacheonly', context])
      assert.notEqual(status, 0, JSON.stringify(list))
      const error = await failure(
        buildImage({ engine: engine.endpoint, contextDirectory: context }),
      )
      assert.equal(error.code, 'CONTEXT_INVALID', `${JSON.stringify(list)}: ${error.message}`)
    }
  })

  for (const each of engines) {
    testWithEngine(`of 40 KiB works with ${each.name}`, async (t) => {
      const context = await folder(t)
      const names = Array.from(
        { length: 1400 },
        (_, index) => `generated/file-${index}/*.{tmp,bak}`,
      )
      const list = ['secret', ...names, '!generated/kept', 'café-*'].join('\n')
      assert.ok(Buffer.byteLength(list) >= 40 * 1024)
      await writeFile(path.join(context, '.dockerignore'), list)
      await writeFile(path.join(context, 'secret'), 'secret')
      await writeFile(path.join(context, 'file'), 'content')
      const dockerfileInline = 'FROM scratch\nCOPY file /\n'
      const options = { engine: each.endpoint, contextDirectory: context }
      const image = await buildImage({ ...options, dockerfileInline })
      t.after(() => forget(each, image.imageId))
      const error = await failure(
        buildImage({ ...options, dockerfileInline: 'FROM scratch\nCOPY secret /\n' }),
      )
      assert.equal(error.code, 'BUILD_FAILED')
    })
  }
})

/** Makes an empty folder, which is removed after the test. */
async function folder(t: TestContext): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), 'shipway-ignore-'))
  t.after(() => rm(root, { recursive: true }))
  return root
}

function makeTree(root: string): void {
  for (const name of FILES) {
    const file = path.join(root, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, name)
  }
  mkdirSync(path.join(root, 'empty/also'), { recursive: true })
  symlinkSync('src/main', path.join(root, 'link'))
  symlinkSync('../nowhere', path.join(root, 'a/link'))
}

/** What a context has for the docker command. */
interface Seen {
  /** Paths, sorted. */
  names: string[]
  /**
   * Whether it sends a file of the tree as an empty one: it judges a file anew when it opens it, by other rules.
   * https://github.com/tonistiigi/fsutil/blob/586307ad452f/filter.go (`Open`)
   */
  losesContent: boolean
}

/** What a `COPY . /` of each context sees with the docker command. */
async function seenByDocker(engine: Engine, base: string, contexts: string[]): Promise<Seen[]> {
  const seen: Seen[] = []
  const main = path.join(base, 'main')
  mkdirSync(main)
  for (let start = 0; start < contexts.length; start += BATCH) {
    const indexes = contexts.slice(start, start + BATCH).map((_, offset) => start + offset)
    const stages = indexes.map(
      (index) => `FROM scratch AS s${index}\nCOPY --from=c${index} . /${PLACE}/${index}/\n`,
    )
    const copies = indexes.map((index) => `COPY --from=s${index} / /\n`)
    writeFileSync(
      path.join(main, 'Dockerfile'),
      `${stages.join('')}FROM scratch\n${copies.join('')}`,
    )
    const output = path.join(base, `${start}.tar`)
    await dockerBuild(engine, [
      ...indexes.flatMap((index) => ['--build-context', `c${index}=${contexts[index]}`]),
      '--output',
      `type=tar,dest=${output}`,
      main,
    ])
    const archive = readFileSync(output)
    for (const index of indexes) {
      const place = `${PLACE}/${index}`
      const names = namesBelow(archive, place)
      const empty = ({ isFile, content }: TarEntry) => isFile && content.length === 0
      const lost = readTar(archive)
        .filter(empty)
        .map(({ name }) => name)
      const losesContent = lost.some((name) => name.startsWith(`${place}/`))
      seen.push({ names, losesContent })
    }
  }
  return seen
}

/** The names of an archive that lie in `folder`, relative to it, sorted. */
function namesBelow(archive: Buffer, folder: string): string[] {
  const names = readTar(archive).map(({ name }) => name.replace(/\/$/, ''))
  const below = names.filter((name) => name.startsWith(`${folder}/`))
  return below.map((name) => name.slice(folder.length + 1)).toSorted()
}

/** An engine that has no BuildKit and takes contexts, without building them. */
interface Taker extends FakeEngine {
  taken: Buffer
}

async function startTaker(): Promise<Taker> {
  let taken = Buffer.alloc(0)
  const engine = await startEngine({
    build: (response, request) => {
      const answer = async () => {
        taken = await buffer(request)
        response.writeHead(500).end('{"message":"taken"}')
      }
      answer().catch(() => response.destroy())
    },
  })
  return Object.defineProperty(engine as Taker, 'taken', { get: () => taken })
}

/** What the classic builder would see of a context, sorted. */
async function takenByClassic(
  engine: Taker,
  contextDirectory: string,
  dockerfile?: string,
): Promise<string[]> {
  const what = dockerfile ? { dockerfile } : { dockerfileInline: 'FROM scratch' }
  const options = { engine: engine.endpoint, compression: 'none' } as const
  await failure(buildImage({ ...options, contextDirectory, ...what }))
  const names = readTar(engine.taken).map(({ name }) => name.replace(/\/$/, ''))
  return names.filter(isNoSetting).toSorted()
}

/** A classic builder is always sent these two, and leaves them out itself. */
function isNoSetting(name: string): boolean {
  return name !== '.dockerignore' && !/^(?:\.dockerfile\.|app\.\d$)/.test(name)
}

/** Whether what is sent of a context is what the docker command has sent of it. */
async function isTheSame(engine: Engine, context: string, index: number): Promise<boolean> {
  if (await isCached(engine, context, String(index))) return true
  // Of a build with many contexts, an engine now and then does not remember a step by its files.
  const dockerfile = `${context}.Dockerfile`
  writeFileSync(dockerfile, copyTo(`again-${index}`))
  await dockerBuild(engine, ['-f', dockerfile, '--output', 'type=cacheonly', context])
  return isCached(engine, context, `again-${index}`)
}

/** Whether the engine knows the step that copies a context to `place`. It is known by all that is copied. */
function isCached(engine: Engine, contextDirectory: string, place: string): Promise<boolean> {
  return areStepsCached(engine, { contextDirectory, dockerfileInline: copyTo(place) })
}

function copyTo(place: string): string {
  return `FROM scratch\nCOPY . /${PLACE}/${place}/\n`
}

async function areStepsCached(
  engine: Engine,
  what: { contextDirectory: string; dockerfile?: string; dockerfileInline?: string },
): Promise<boolean> {
  const events: ProgressEvent[] = []
  const image = await buildImage({
    ...what,
    engine: engine.endpoint,
    onProgress: (batch) => void events.push(...batch),
  })
  await forget(engine, image.imageId)
  const copies = events.flatMap((event) =>
    event.type === 'step' && event.name.includes('COPY ') ? [event.state] : [],
  )
  assert.ok(copies.length > 0, 'the step is told')
  return copies.at(-1) === 'cached'
}
