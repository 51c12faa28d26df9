import { existsSync, readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** A real engine. */
export interface Engine {
  name: string
  endpoint: string
  /** The newest API that it speaks; absent for the engine of `DOCKER_HOST`. */
  apiVersion?: string
  /** What it says of itself; absent for the engine of `DOCKER_HOST`. */
  version?: string
  /** Image store; absent for the engine of `DOCKER_HOST`. */
  store?: 'graphdriver' | 'containerd' | 'podman'
  logFile?: string
}

/** What the lab says about itself, as far as the tests need it. */
export interface Lab {
  engines: Engine[]
  registries: Record<'dockerHub' | 'ghcr' | 'plain', { address: string; port: number }>
  layers: { sizesBytes: number[]; digests: string[]; indexDigest: string }
  images: Record<string, { digest: string }>
  /** PEM file of the authorities that only this machine trusts. */
  hostCertificatesFile: string
  /** The authority that the engines trust; its key is `ca.key` beside it. */
  caFile: string
}

/** The lab, or null where it is not up. */
export const lab = await readLab()

const endpoint = process.env['DOCKER_HOST']
const named = endpoint ? { name: 'the engine of DOCKER_HOST', endpoint } : null

/** The engines of the lab, or else the one that `DOCKER_HOST` names. Where there is none, one stands for it: its tests are skipped. */
export const engines: Engine[] = lab?.engines ?? [named ?? { name: 'a real engine', endpoint: '' }]

/** Whether it is Podman's service, which has its own classic builder and no BuildKit. */
export const isPodman = ({ store }: Engine): boolean => store === 'podman'

/** Those that have BuildKit. */
export const buildKitEngines = engines.filter((engine) => !isPodman(engine))

/** A test of what BuildKit does, on an engine that may have none. */
export const testBuildKitOf = (engine: Engine): typeof testWithLab =>
  isPodman(engine)
    ? (name) => void test(name, { skip: 'Podman has no BuildKit' }, () => {})
    : testWithLab

const NO_LAB = 'the lab is not up: `npm run lab -- up`'

/** A test that needs an engine, and says so where there is none. */
export const testWithEngine = (name: string, run: (t: TestContext) => Promise<void> | void) =>
  void test(name, { skip: lab || named ? false : `${NO_LAB}, or set DOCKER_HOST` }, run)

/** A test that needs the lab, and says so where it is not up. */
export const testWithLab = (name: string, run: (t: TestContext) => Promise<void> | void) =>
  void test(name, { skip: lab ? false : NO_LAB }, run)

if (!lab) console.error(`skipped where the lab is needed: ${NO_LAB}`)

async function readLab(): Promise<Lab | null> {
  const file =
    process.env['SHIPWAY_LAB_STATE'] ??
    fileURLToPath(new URL('../../.lab/state.json', import.meta.url))
  if (!existsSync(file)) return null
  const state = JSON.parse(readFileSync(file, 'utf8')) as Lab
  const answers = await Promise.all(state.engines.map(isAlive))
  const alive = state.engines.filter((_, index) => answers[index])
  return alive.length > 0 ? { ...state, engines: alive } : null
}

async function isAlive(engine: Engine): Promise<boolean> {
  const { status } = await ask(engine, 'GET', '/_ping').catch(() => ({ status: 0 }))
  return status === 200
}

/** Asks an engine without the package. */
export async function ask(
  { endpoint }: Engine,
  method: string,
  path: string,
): Promise<{ status: number; body: string }> {
  const { protocol, host, pathname } = new URL(endpoint.replace(/^tcp:/, 'http:'))
  const target =
    protocol === 'unix:'
      ? { socketPath: pathname }
      : { host: host.split(':')[0], port: host.split(':')[1] }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ ...target, method, path, agent: false }, resolve)
      .once('error', reject)
      .end()
  })
  return { status: response.statusCode ?? 0, body: await text(response) }
}

/** Takes a name from an engine's images, and the image where it has no other. */
export async function forget(engine: Engine, ...names: string[]): Promise<void> {
  for (const name of names) await ask(engine, 'DELETE', `/images/${name}?force=true`)
}
