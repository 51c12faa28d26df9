// The engine that tests and the demo use: the lab where it can be, else the one that is reachable.
import path from 'node:path'

import { whyUnsupported } from '../lab/platform.mjs'
import { run, step } from './run.mjs'
import { root } from './setup.mjs'

/** Brings the lab up; returns why it cannot, or null. */
export async function bringLabUp() {
  const unsupported = whyUnsupported()
  if (unsupported) return unsupported
  await step('bring the lab up (real engines and registries; some minutes the first time)', () =>
    run(process.execPath, [path.join(root, 'lab', 'lab.mjs'), 'up']),
  )
  return null
}
