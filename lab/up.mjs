import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { caFile, makeCertificates, writeBundles } from './certificates.mjs'
import { dockerdFile, makeDockerd, whyNoDockerd } from './dockerd.mjs'
import { isComplete, makeEngineRoot } from './engine-root.mjs'
import { ENGINES, isEngineRunning, launchEngine } from './engines.mjs'
import { readJson, writeJson } from './files.mjs'
import { describeImages, makeImages } from './images.mjs'
import { chooseNetwork, REGISTRIES, writeHosts } from './network.mjs'
import { makeOpencodeImage, opencodeImage, whyNoOpencodeImage } from './opencode-image.mjs'
import { installPackages, missingPackages } from './packages.mjs'
import { isRegistryRunning, launchRegistry, registryLog } from './registries.mjs'
import { all } from './run.mjs'
import { step } from './steps.mjs'

/** Brings the lab up; `only` is a part of the names of the engines to start, all without it. */
export async function up(paths, { only = '' } = {}) {
  const isWanted = (engine) => engine.name.includes(only) || isEngineRunning(paths, engine)
  if (!ENGINES.some(({ name }) => name.includes(only))) {
    throw new Error(`no engine is named like \`${only}\``)
  }
  mkdirSync(paths.logs, { recursive: true })
  const engines = await withoutImpossible(paths, ENGINES.filter(isWanted))
  const missing = await missingPackages()
  if (missing.length > 0) {
    await step(`packages: ${missing.join(' ')}`, () =>
      installPackages(missing, join(paths.logs, 'apt.log')),
    )
  }
  await prepareNetwork(paths)
  const [described] = await all([startEngines(paths, engines), makeImages(paths)])
  writeState(paths, described)
  await makeOpencode(paths, described)
  writeState(paths, described)
  console.log(`the lab is up: ${described.map(({ name }) => name).join(', ')}`)
}

async function prepareNetwork(paths) {
  if (!existsSync(paths.certificates)) {
    await step('certificate authority and server certificates', () => makeCertificates(paths))
  }
  writeBundles(paths)
  const keys = Object.keys(REGISTRIES)
  const stopped = keys.filter((key) => !isRegistryRunning(paths, key))
  writeHosts(paths, await chooseNetwork(paths, stopped.length < keys.length))
  if (stopped.length === 0) return
  const names = stopped.map((key) => REGISTRIES[key].name).join(', ')
  await step(`registries ${names}`, () => all(stopped.map((key) => launchRegistry(paths, key))))
}

/** Leaves out the engine that cannot be built on this machine, and says why. */
async function withoutImpossible(paths, engines) {
  const newest = engines.find(({ isNewest }) => isNewest)
  if (!newest || existsSync(dockerdFile(paths))) return engines
  const reason = await whyNoDockerd()
  if (!reason) return engines
  console.log(`skipped     engine ${newest.name}: ${reason}`)
  return engines.filter((engine) => engine !== newest)
}

async function startEngines(paths, engines) {
  const suites = new Set(engines.flatMap(({ suite }) => suite ?? []))
  const roots = new Map([...suites].map((suite) => [suite, prepareRoot(paths, suite)]))
  return all(
    engines.map(async (engine) => {
      if (engine.isNewest) await prepareDockerd(paths)
      await roots.get(engine.suite)
      if (isEngineRunning(paths, engine)) return launchEngine(paths, engine)
      return step(`engine ${engine.name}`, () => launchEngine(paths, engine))
    }),
  )
}

async function prepareDockerd(paths) {
  if (existsSync(dockerdFile(paths))) return
  await step('dockerd of the newest engine', () => makeDockerd(paths), { slow: 'some minutes' })
}

async function prepareRoot(paths, suite) {
  const engines = ENGINES.filter((engine) => engine.suite === suite)
  const isPodman = engines.some((engine) => engine.isPodman)
  const isUsed = engines.some((engine) => isEngineRunning(paths, engine))
  if (isUsed || isComplete(paths, suite, isPodman)) return
  const work = () => makeEngineRoot(paths, suite, isPodman)
  const name = `root folder with Debian ${suite}'s ${isPodman ? 'Podman' : 'Docker'}`
  await step(name, work, { slow: 'about a minute' })
}

async function makeOpencode(paths, engines) {
  const reason = whyNoOpencodeImage(
    paths,
    engines.map(({ name }) => name),
  )
  if (reason) {
    if (!opencodeImage(paths)) console.log(`skipped     opencode image: ${reason}`)
    return
  }
  const logFile = join(paths.logs, 'opencode-image.log')
  const options = { slow: 'about a minute' }
  await step('opencode image', () => makeOpencodeImage(paths, logFile), options)
}

function writeState(paths, engines) {
  const network = readJson(paths.network)
  const { images, ...described } = describeImages(paths)
  const opencode = opencodeImage(paths)
  writeJson(paths.state, {
    engines,
    registries: Object.fromEntries(
      Object.entries(REGISTRIES).map(([key, { name }]) => [
        key,
        { name, ...network[key], logFile: registryLog(paths, name) },
      ]),
    ),
    images: { ...images, ...opencode },
    hostCertificatesFile: paths.hostCertificates,
    caFile: caFile(paths),
    ...described,
  })
}
