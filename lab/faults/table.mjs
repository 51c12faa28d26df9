import { STATUS_CODES } from 'node:http'
import { gzipSync } from 'node:zlib'
import { sha256 } from '../image.mjs'
import { OTHER_ARCHITECTURE } from './image.mjs'

// As Docker Hub says it: https://docs.docker.com/docker-hub/usage/
const RATE_LIMIT =
  'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit'

/** What registries answer with each status; `UNKNOWN` where the specification has no code. */
const CODES = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  405: 'UNSUPPORTED',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
}

/**
 * The faults by name. Each says what is wrong, any of:
 *
 * - `isBare`: a tag names the manifest itself, without the index of the OCI shape;
 * - `server`: which of the registry's servers it lives at, `plain` by default;
 * - `shape`, `image`: the arguments of `makeImage`;
 * - `manifest`, `layer`, `config`, `token`: what answers instead of the content. It takes `{request, response, body, image}`,
 *   where `body` is what would be right, and sees only GET where `getOnly` is set, and every digest where `anyName` is;
 * - `digest`: what the pull has to ask for instead of a tag.
 *
 * A name of the form `NAME-1` is the fault NAME that answers wrongly once, and then rightly.
 */
export const FAULTS = {
  ok: {},
  'ok-oci': { shape: 'oci' },
  'ok-slow': { layer: slow },

  // What registries say of names (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes).
  'name-unknown': { manifest: coded(404, 'NAME_UNKNOWN', 'repository name not known to registry') },
  'manifest-unknown': { manifest: coded(404, 'MANIFEST_UNKNOWN', 'manifest unknown') },
  'plain-404': { manifest: text(404, '404 page not found\n') },
  denied: {
    manifest: coded(403, 'DENIED', 'requested access to the resource is denied'),
  },
  'denied-401': {
    manifest: coded(401, 'DENIED', 'requested access to the resource is denied'),
  },
  unauthorized: { manifest: coded(401, 'UNAUTHORIZED', 'authentication required') },
  'rate-limit': { manifest: coded(429, 'TOOMANYREQUESTS', RATE_LIMIT) },
  'rate-limit-retry-after': {
    manifest: coded(429, 'TOOMANYREQUESTS', 'slow down', { 'retry-after': '3' }),
  },
  unavailable: { manifest: coded(503, 'UNAVAILABLE', 'try again later') },
  'unavailable-retry-after': {
    manifest: coded(503, 'UNAVAILABLE', 'try again later', { 'retry-after': '3' }),
  },

  'manifest-reset': { manifest: reset },
  'manifest-truncated': { manifest: truncated, getOnly: true },
  'manifest-stall': { manifest: stalled, getOnly: true },
  'manifest-empty': { manifest: start(0), anyName: true },
  'manifest-json': { manifest: start(0.5), anyName: true },
  'manifest-html': { manifest: page(200) },
  'manifest-redirect-loop': { manifest: redirectLoop },
  'manifest-digest': { digest: sha256('something else'), manifest: anotherManifest },
  'digest-unknown': { digest: sha256('something else') },

  'config-type': {
    image: { configType: 'application/vnd.example.app.config.v1+json' },
  },
  helm: {
    shape: 'oci',
    image: {
      configType: 'application/vnd.cncf.helm.config.v1+json',
      config: () => Buffer.from('{"name":"chart","version":"1.0.0"}'),
      manifest: (value) => ({
        ...value,
        layers: [
          {
            ...value.layers[0],
            mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
          },
        ],
      }),
    },
    isBare: true,
  },
  artifact: {
    shape: 'oci',
    isBare: true,
    image: {
      configType: 'application/vnd.oci.empty.v1+json',
      config: () => Buffer.from('{}'),
      manifest: (value) => ({
        ...value,
        artifactType: 'application/vnd.example.sbom',
        layers: [{ ...value.layers[0], mediaType: 'application/spdx+json' }],
      }),
    },
  },
  schema1: { manifest: schema1, anyName: true },
  'no-platform': {
    shape: 'oci',
    image: { architecture: OTHER_ARCHITECTURE },
  },
  'other-platform': { image: { architecture: OTHER_ARCHITECTURE } },

  'layer-404': { layer: coded(404, 'BLOB_UNKNOWN', 'blob unknown to registry') },
  'layer-403': { layer: coded(403, 'DENIED', 'requested access to the resource is denied') },
  'layer-429': { layer: coded(429, 'TOOMANYREQUESTS', RATE_LIMIT) },
  'layer-429-terse': { layer: coded(429, 'TOOMANYREQUESTS', 'slow down') },
  'layer-500': { layer: text(500, 'no\n') },
  'layer-503': { layer: coded(503, 'UNAVAILABLE', 'try again later') },
  'layer-html': { layer: page(200) },
  'layer-reset': { layer: reset },
  'layer-truncated': { layer: truncated },
  'layer-stall': { layer: stalled },
  'layer-digest': { layer: another },
  'layer-gzip': { image: { layer: () => Buffer.from('this is no gzip, and never was'.repeat(9)) } },
  'layer-tar': { image: { layer: () => gzipSync(Buffer.alloc(4096, 'no tar ')) } },
  'layer-diff-id': { image: { diffId: sha256('something else') } },
  'config-404': { config: coded(404, 'BLOB_UNKNOWN', 'blob unknown to registry') },
  'config-digest': { config: another },
  'config-json': { image: { config: (bytes) => bytes.subarray(0, bytes.length - 9) } },
  'layer-redirect-dns': { layer: redirect('http://cdn.invalid/blob') },

  'token-ok': { server: 'bearer' },
  'token-401': { server: 'bearer', token: coded(401, 'UNAUTHORIZED', 'who is it') },
  'token-403': { server: 'bearer', token: coded(403, 'DENIED', 'not you') },
  'token-404': { server: 'bearer', token: text(404, '404 page not found\n') },
  'token-429': { server: 'bearer', token: coded(429, 'TOOMANYREQUESTS', RATE_LIMIT) },
  'token-500': { server: 'bearer', token: text(500, 'no\n') },
  'token-503': { server: 'bearer', token: page(503) },
  'token-html': { server: 'bearer', token: page(200) },
  'token-json': {
    server: 'bearer',
    token: text(200, '{}', { 'content-type': 'application/json' }),
  },
  'token-reset': { server: 'bearer', token: reset },
  'token-stall': { server: 'bearer', token: stalled },
  'token-refused': { server: 'bearerRefused' },
  'token-dns': { server: 'bearerDns' },
  basic: { server: 'basic' },

  refused: { server: 'refused' },
  silent: { server: 'silent' },
  'hangs-up': { server: 'hangsUp' },
  'not-http': { server: 'notHttp' },
  'tls-not-http': { server: 'tlsNotHttp' },
  dns: { server: 'dns' },
  'tls-unknown-ca': { server: 'tlsUnknownCa' },
  'tls-expired': { server: 'tlsExpired' },
  'tls-wrong-name': { server: 'tlsWrongName' },
  'tls-plain-http': { server: 'tlsPlainHttp' },
  'tls-old-version': { server: 'tlsOldVersion' },
}

/**
 * The fault of a name, with `times`: how often it answers wrongly. Besides those of the table there are `status-N` and
 * `html-N` for every status: a manifest is answered with N, and an error of a registry or a page.
 */
export function faultOf(name) {
  const fault = plainFault(name)
  if (fault) return { ...fault, times: Infinity }
  const [, base, times] = /^(.+)-(\d)$/.exec(name) ?? []
  const once = base && plainFault(base)
  return once ? { ...once, times: Number(times) } : null
}

function plainFault(name) {
  const [, kind, status] = /^(status|html)-(\d{3})$/.exec(name) ?? []
  if (kind === 'status') {
    const message = (STATUS_CODES[status] ?? 'unknown error').toLowerCase()
    return { manifest: coded(Number(status), CODES[status] ?? 'UNKNOWN', message) }
  }
  if (kind === 'html') return { manifest: page(Number(status)) }
  return Object.hasOwn(FAULTS, name) ? FAULTS[name] : null
}

/** An error as registries answer it. */
export function coded(status, code, message, headers = {}) {
  const body = JSON.stringify({ errors: [{ code, message }] })
  return text(status, `${body}\n`, { 'content-type': 'application/json', ...headers })
}

function text(status, body, headers = { 'content-type': 'text/plain; charset=utf-8' }) {
  return ({ request, response }) => {
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

/** What proxies and load balancers answer. */
function page(status) {
  const title = `${status} ${STATUS_CODES[status] ?? 'Unknown'}`
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body><center><h1>${title}</h1></center></body>\r\n</html>\r\n`
  return text(status, body, { 'content-type': 'text/html' })
}

function redirect(location) {
  return ({ response }) => response.writeHead(307, { location, 'content-length': 0 }).end()
}

function redirectLoop({ request, response }) {
  response.writeHead(302, { location: request.url, 'content-length': 0 }).end()
}

function reset({ request }) {
  request.socket.resetAndDestroy()
}

/** Promises all of it, sends a half, and closes. */
function truncated({ request, response, body }) {
  response.setHeader('content-length', body.length)
  response.write(body.subarray(0, body.length / 2), () => request.socket.end())
}

/** Sends a half and then nothing more. */
function stalled({ response, body }) {
  response.setHeader('content-length', body.length)
  response.write(body.subarray(0, body.length / 2))
}

async function slow({ response, body }) {
  response.setHeader('content-length', body.length)
  for (const byte of body) {
    if (response.destroyed) return
    await new Promise((resolve) => response.write(Buffer.of(byte), resolve))
  }
  response.end()
}

/** Other bytes of the same length. */
function another({ request, response, body }) {
  const other = Buffer.from(body)
  other[other.length - 1] ^= 1
  response.setHeader('content-length', other.length)
  response.end(request.method === 'HEAD' ? undefined : other)
}

/** Another manifest of the same length. */
function anotherManifest({ request, response, body }) {
  const other = Buffer.from(
    body.toString().replace(/sha256:./, (found) => `sha256:${found.endsWith('0') ? 1 : 0}`),
  )
  response.setHeader('content-length', other.length)
  response.end(request.method === 'HEAD' ? undefined : other)
}

/** The first part of it, as if that were all. */
function start(fraction) {
  return ({ request, response, body }) => {
    const part = body.subarray(0, body.length * fraction)
    response.setHeader('content-length', part.length)
    response.end(request.method === 'HEAD' ? undefined : part)
  }
}

/**
 * A signed manifest of Docker before 1.10 (https://distribution.github.io/distribution/spec/deprecated-schema-v1/). The
 * signature says how much before it was signed, and what came after.
 */
function schema1({ request, response, image }) {
  const signed = JSON.stringify(
    {
      schemaVersion: 1,
      name: 'faults/schema1',
      tag: '1',
      architecture: 'amd64',
      fsLayers: [{ blobSum: image.lastLayer }],
      history: [
        { v1Compatibility: `{"id":"${'0'.repeat(64)}","architecture":"amd64","os":"linux"}` },
      ],
    },
    null,
    3,
  ).replace(/\n\}$/, '')
  const base64 = (text) => Buffer.from(text).toString('base64url')
  const signature = {
    header: { alg: 'ES256' },
    signature: base64('nobody'),
    protected: base64(
      JSON.stringify({
        formatLength: signed.length,
        formatTail: base64('\n}'),
        time: '2016-01-01T00:00:00Z',
      }),
    ),
  }
  const body = `${signed},\n   "signatures": ${JSON.stringify([signature])}\n}`
  const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
  const digest = sha256(`${signed}\n}`)
  text(200, body, { 'content-type': type, 'docker-content-digest': digest })({ request, response })
}
