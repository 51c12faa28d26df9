import assert from 'node:assert/strict'

import { ShipwayError } from '../../index.mjs'

/** Resolves with what `call` rejects with, which must be an error of the package. */
export async function failure(call: Promise<unknown>): Promise<ShipwayError> {
  const reason = await rejection(call)
  assert.ok(reason instanceof ShipwayError, `not a ShipwayError: ${String(reason)}`)
  return reason
}

/** Resolves with what `call` rejects with. */
export async function rejection(call: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await call
  } catch (reason) {
    return reason
  }
  return assert.fail(`resolved to ${JSON.stringify(value)}`)
}
