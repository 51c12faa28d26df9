import { parseArgs } from 'node:util'
import { down } from './down.mjs'
import { withLock } from './lock.mjs'
import { labPaths } from './paths.mjs'
import { whyUnsupported } from './platform.mjs'
import { startRegistry, stopRegistry } from './state.mjs'
import { status } from './status.mjs'
import { up } from './up.mjs'

const USAGE = `usage: lab up [--only NAME]        start engines and registries; NAME is a part of an engine's name
       lab down [--purge]         stop them; --purge also deletes what \`up\` made
       lab status                 show them; ends with 1 when the lab is down
       lab stop|start REGISTRY    docker-hub, ghcr or plain`

const USAGE_ERROR = 2
const UNSUPPORTED = 3

const COMMANDS = {
  up: (_, options) => withLock(labPaths(), () => up(labPaths(), options)),
  down: (_, options) => down(labPaths(), options),
  status: () => status(labPaths()),
  stop: (registry) => stopRegistry(registry),
  start: (registry) => startRegistry(registry),
}

async function main() {
  const { values, positionals } = parse()
  const [command, registry] = positionals
  const takesRegistry = command === 'stop' || command === 'start'
  if (!Object.hasOwn(COMMANDS, command ?? '') || takesRegistry !== Boolean(registry)) {
    return fail(USAGE, USAGE_ERROR)
  }
  const unsupported = whyUnsupported()
  if (unsupported) return fail(unsupported, UNSUPPORTED)
  return COMMANDS[command](registry, values)
}

function parse() {
  const options = { only: { type: 'string' }, purge: { type: 'boolean' } }
  try {
    return parseArgs({ allowPositionals: true, options })
  } catch {
    return { values: {}, positionals: [] }
  }
}

function fail(message, exitCode) {
  console.error(message)
  process.exitCode = exitCode
}

await main().catch((error) => fail(error.message, 1))
