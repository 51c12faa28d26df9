import assert from 'node:assert/strict'
import { inspect } from 'node:util'

/** Every dress in which a secret may be met: as it is, in a URL, a form, JSON or quotes, and in base64 of any kind. */
export function disguises(secret: string, username = 'ada'): string[] {
  const inUrl = encodeURIComponent(secret)
  const strict = inUrl.replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16)}`,
  )
  const base64 = [secret, `${username}:${secret}`, `:${secret}`].flatMap((text) =>
    (['base64', 'base64url'] as const).map((encoding) =>
      Buffer.from(text).toString(encoding).replace(/=+$/, ''),
    ),
  )
  return [
    ...new Set([
      secret,
      inUrl,
      strict,
      inUrl.replaceAll('%20', '+'),
      JSON.stringify(secret).slice(1, -1),
      inspect(secret).slice(1, -1),
      Buffer.from(secret).toString('hex'),
      ...base64,
      // What the beginning of any text does to the base64 of what follows it.
      ...[0, 1, 2].map((shift) => shifted(secret, shift)),
    ]),
  ].filter((dress) => dress.length >= 6)
}

/** Base64 of a secret in the middle of something, such as the JSON of `X-Registry-Auth`: the part that only it decides. */
function shifted(secret: string, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
  const whole = text.subarray(shift === 0 ? 0 : 3)
  return whole.subarray(0, whole.length - (whole.length % 3)).toString('base64')
}

/** The dresses of `secrets` that can be found in a value, however it is looked at. */
export function found(value: unknown, secrets: readonly string[]): string[] {
  const texts = shown(value)
  // What is in base64 may be in either kind.
  const all = [...texts, ...texts.map((text) => text.replaceAll('-', '+').replaceAll('_', '/'))]
  return secrets.flatMap((secret) =>
    disguises(secret).filter((dress) => all.some((text) => text.includes(dress))),
  )
}

/** Checks that none of `secrets` can be found in `value`. */
export function hides(value: unknown, secrets: readonly string[], where: string): void {
  const seen = found(value, secrets)
  assert.deepEqual(seen, [], `${where}: ${shown(value).join('\n')}`)
}

/** Everything that can be seen of a value. */
function shown(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  const looked = inspect(value, { depth: 30, showHidden: true, maxStringLength: null })
  if (!(value instanceof Error)) return [looked, JSON.stringify(value) ?? '']
  const causes = value.cause === undefined ? [] : shown(value.cause)
  return [looked, value.message, String(value.stack), JSON.stringify(value), ...causes]
}
