/**
 * What can come of one client and one thing that goes wrong, the best first. A failure is one that must be: the image is
 * not to be had, or is not what was promised.
 */
export const VERDICTS = {
  succeeded: 'resolved, and the image is there',
  'failed, by code': 'rejected, as it must; `code` is the cause',
  'failed, by text': 'rejected, as it must; the status or the text of the error names the cause',
  'failed, untold': 'rejected, as it must; neither status nor text names the cause',
  'false failure': 'rejected, although the image could be had',
  'false success': 'resolved, although it had to fail, or although there is no image',
  unsettled: 'neither resolved nor rejected in the time allowed, or before the process ended',
  crashed: 'an exception outside of the promise ended the process',
}

/** The verdicts that say that the caller learnt what happened. */
export const RIGHT = ['succeeded', 'failed, by code', 'failed, by text']

/**
 * What names a cause in a text; generous, since people read it. A text is that of an engine, which passes on what it heard.
 * No two causes need differ in it.
 */
const WORDS = {
  IMAGE_NOT_FOUND: /not found|unknown|no such|404/i,
  AUTH_REQUIRED: /unauthorized|authentication|no basic auth|credentials|401/i,
  ACCESS_DENIED: /denied|forbidden|403/i,
  RATE_LIMITED: /too ?many ?requests|rate limit|slow down|429/i,
  REGISTRY_ERROR:
    /\b[45]\d\d\b|unavailable|server error|unexpected|unsupported|invalid|pars|malformed|redirect|JSON|HTML|bad request|gateway|time-?out|gone|unknown|authorization server/i,
  REGISTRY_CONNECTION_LOST: /reset|EOF|closed|broken pipe|aborted/i,
  REGISTRY_UNREACHABLE: /refused|unreachable|no route|timeout/i,
  REGISTRY_DNS: /no such host|lookup|resolv|misbehaving/i,
  REGISTRY_TLS: /tls|x509|certificate|https/i,
  STALLED: /timeout|timed out|deadline|stall|idle/i,
  DIGEST_MISMATCH: /digest|checksum|verif|size|don't match/i,
  UNSUPPORTED_IMAGE:
    /unsupported|not supported|no longer supported|media ?type|unknown|config type|schema|artifact|archive|gzip|tar|header|zip|register layer/i,
  PLATFORM_NOT_FOUND: /no matching manifest|platform/i,
  DOCKERFILE_INVALID:
    /dockerfile|unknown instruction|parse|not found|no such file|failed to compute cache key/i,
  CONTEXT_INVALID: /not found|no such file|dockerfile|context/i,
  BUILD_FAILED: /exit code|non-zero|failed to compute cache key|not found/i,
}

/** Statuses of an engine's answer that name the cause. */
const STATUSES = { IMAGE_NOT_FOUND: 404, AUTH_REQUIRED: 401, ACCESS_DENIED: 403, RATE_LIMITED: 429 }

/**
 * Codes that name the same cause. Clients have their own limits of time, and so have engines: whichever is over first tells
 * that nothing moved.
 */
const ALIKE = { STALLED: ['STALLED', 'TIMEOUT'] }

/** Judges how a client settled; `outcome` is the code of the failure that must be, or `ok`. */
export function verdictOf(outcome, settled) {
  const { exists, image } = settled
  if (settled.kind === 'unsettled' || settled.kind === 'crashed') return settled.kind
  if (settled.kind === 'resolved') return outcome === 'ok' && exists ? 'succeeded' : 'false success'
  if (outcome === 'ok') return 'false failure'
  const codes = ALIKE[outcome] ?? [outcome]
  if (codes.includes(settled.primaryCode ?? settled.code)) return 'failed, by code'
  // A text of shipway is no promise: whoever reads it instead of the code reads a wrong code.
  if (settled.name === 'ShipwayError') return 'failed, untold'
  const isTold =
    (settled.statusCode && settled.statusCode === STATUSES[outcome]) ||
    WORDS[outcome].test(said(settled.message, image))
  return isTold ? 'failed, by text' : 'failed, untold'
}

/**
 * What a message says of the cause. dockerode puts the status of the engine's answer before it, and the names of the
 * images are those of their faults.
 */
function said(message, image) {
  const repository = image.replace(/^[^/]+\//, '').replace(/[:@].*$/, '')
  return message.replace(/^\(HTTP code \d+\) [^-]* - /, '').replaceAll(repository, '')
}
