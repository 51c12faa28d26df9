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
    ]),
  ].filter((dress) => dress.length >= 6)
}

/** The dresses of `secrets` that can be found in a value, however it is looked at. */
export function found(value: unknown, secrets: readonly string[]): string[] {
  const texts = shown(value)
  const all = [...texts, ...texts.flatMap(decoded)]
  return secrets.flatMap((secret) =>
    disguises(secret).filter((dress) => all.some((text) => text.includes(dress))),
  )
}

/** What is in base64 in a text, such as the JSON of `X-Registry-Auth`, wherever it begins. */
function decoded(text: string): string[] {
  const runs = text.match(/[A-Za-z0-9+/_-]{16,}/g) ?? []
  return runs.flatMap((run) =>
    [0, 1, 2, 3].map((start) => Buffer.from(run.slice(start), 'base64').toString()),
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
