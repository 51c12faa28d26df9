'use strict'

const path = require('node:path')
const { mapOf, mapValues, name, ofType, shape, variant } = require('./check.js')

// Outputs, caches and contexts: the options that name places.

const text = ofType('string')
const type = text

const fields = (keys, needs = []) => ({ fields: shape({ type, ...keys }), needs })
const attributes = mapOf(text)

const archive = fields({ attributes, file: name }, ['file'])

const OUTPUT = variant({
  image: fields({ attributes, push: ofType('boolean') }),
  registry: fields({ attributes }),
  local: fields({ attributes, directory: name }, ['directory']),
  tar: archive,
  oci: archive,
  docker: archive,
  cacheonly: fields({}),
})

const caches = {
  registry: fields({ attributes, reference: name }, ['reference']),
  local: fields({ attributes, directory: name }, ['directory']),
}

const CACHE_FROM = variant(caches)

const CACHE_TO = variant({ ...caches, inline: fields({}) })

/** How contexts begin that are no path, as `NamedContext::parse` of the library has it. */
const NO_PATH = /^(docker-image:\/\/|target:|https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/

const OCI_LAYOUT = 'oci-layout://'

/** Returns the places with absolute paths: relative ones start at the working directory. */
function resolvePlaces({ cacheFrom, cacheTo, contextArchive, contexts, outputs }) {
  return {
    cacheFrom: cacheFrom?.map(resolved),
    cacheTo: cacheTo?.map(resolved),
    contextArchive: contextArchive === undefined ? undefined : path.resolve(contextArchive),
    contexts: mapValues(contexts, resolvedContext),
    outputs: outputs?.map(resolved),
  }
}

function resolved({ attributes, directory, file, ...rest }) {
  return {
    ...rest,
    attributes: mapValues(attributes),
    directory: directory === undefined ? undefined : path.resolve(directory),
    file: file === undefined ? undefined : path.resolve(file),
  }
}

function resolvedContext(context) {
  if (NO_PATH.test(context)) return context
  if (!context.startsWith(OCI_LAYOUT)) return path.resolve(context)
  // What follows the path has no separator, so that it stays what it is.
  return OCI_LAYOUT + path.resolve(context.slice(OCI_LAYOUT.length))
}

module.exports = { CACHE_FROM, CACHE_TO, OUTPUT, resolvePlaces }
