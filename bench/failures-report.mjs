import { readFileSync } from 'node:fs'

import { RIGHT, VERDICTS, verdictOf } from './failures-verdict.mjs'
import { markdown, save } from './report.mjs'

const PACKAGES = {
  dockerode: 'dockerode',
  'node-sdk': '@docker/node-sdk',
  testcontainers: 'testcontainers',
}

/** Judges how every client settled, prints the tables, and writes them with all that each has said. */
export function reportFailures({ engine, limitMs, clients, node, rows: settled }) {
  const rows = settled.map(({ title, fault, outcome, results }) => {
    const judged = clients.map((client) => {
      const result = results[client]
      return [client, { verdict: verdictOf(outcome, result), ...result }]
    })
    return { title, fault, outcome, results: Object.fromEntries(judged) }
  })
  const versions = Object.fromEntries(
    Object.entries(PACKAGES).map(([name, of]) => [name, version(of)]),
  )
  const totals = Object.fromEntries(clients.map((client) => [client, count(rows, client)]))
  const shown = clients.map((client) =>
    versions[client] ? `${PACKAGES[client]} ${versions[client]}` : client,
  )
  const must = rows.filter(fails).length
  const isTold = (row) => isInOutput(row.results.dockerode)
  const text = [
    '# What clients say of what goes wrong',
    '',
    `\`npm run bench -- failures\`: ${rows.length} pulls and builds with each client, of which ${must} must fail and ${rows.length - must} can succeed: what the`,
    `tests of shipway hold it to, on an engine like \`${engine.like}\` of the lab (Docker ${engine.version}, ${engine.store}), with`,
    `nothing in its store, and Node ${node}. Each is a process of its own with the client's own defaults, written as its`,
    `documentation shows, and has ${limitMs / 1000} s. Whether the image is there is asked of the engine, by none of the clients.`,
    '',
    ...markdown([
      ['what came of it', 'is', ...shown],
      ...Object.entries(VERDICTS).map(([verdict, meaning]) =>
        [verdict, meaning].concat(clients.map((client) => String(totals[client][verdict] ?? 0))),
      ),
      ['**right**', 'the first three', ...clients.map((client) => `**${right(totals[client])}**`)],
    ]),
    '',
    'To be fair:',
    '',
    '- By text is counted generously: any word that a person would take for the cause will do (`bench/failures-verdict.mjs`).',
    '  Every text is in `failures.json`.',
    "- dockerode's `followProgress` calls back with the whole output and no error. Whoever looks through that output for `error`",
    `  finds one in ${rows.filter(isTold).length} of its ${totals.dockerode['false success'] ?? 0} false successes; the examples of its documentation do not look.`,
    '- shipway is held to its code: another code than the one that must be counts as untold, though the text may name the cause.',
    '- What is measured of testcontainers is the pull that `GenericContainer` awaits before it starts a container, because the',
    '  images hold nothing that would start. With no image, that start fails as well, but without the cause.',
    '- None of the three asks again by itself, nor says that it does: faults that are over after one or two tries are failures for',
    '  them, unless the engine asks again. None limits the time in which nothing moves: dockerode has an option for it, and what is',
    '  below node-sdk gives up after five minutes (https://github.com/nodejs/undici/blob/main/docs/docs/api/Client.md).',
    '- testcontainers gets logins from the environment, the others as an option. Builds are by BuildKit with each.',
    '',
    ...markdown(
      [
        ['what goes wrong', 'must be', ...clients],
        ...rows.map(({ title, outcome, results }) => [
          title,
          outcome === 'ok' ? 'success' : `\`${outcome}\``,
          ...clients.map((client) => shownVerdict(results[client].verdict)),
        ]),
      ],
      6,
    ),
  ].join('\n')
  save('failures', text, { engine, limitMs, node, versions, totals, rows })
}

const fails = ({ outcome }) => outcome !== 'ok'
const right = (total) => RIGHT.reduce((sum, verdict) => sum + (total[verdict] ?? 0), 0)
const isInOutput = ({ verdict, heard }) => verdict === 'false success' && heard.length > 0
const shownVerdict = (verdict) => (RIGHT.includes(verdict) ? verdict : `**${verdict}**`)

function count(rows, client) {
  const total = {}
  for (const { results } of rows) {
    const { verdict } = results[client]
    total[verdict] = (total[verdict] ?? 0) + 1
  }
  return total
}

function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
