import { BUILD_CAUSES, buildersOf } from './build-causes.ts'
import { FINAL, PULL_CAUSES, type Outcome } from './causes.ts'
import type { Engine } from './engines.ts'

/** What a run found: of each cause, by its title, the outcome on each engine. */
export interface Found {
  engines: Pick<Engine, 'name' | 'version'>[]
  pulls: Record<string, Record<string, { outcome: string; tries: number; requests: number }>>
  builds: Record<string, Record<string, string>>
  totals: Totals
}

export interface Totals {
  run: number
  falseSuccesses: number
  falseFailures: number
  unsettled: number
}

const HEAD = `# What each engine makes of each cause

Written by \`UPDATE_DOCS=1 node --import tsx --test __test__/engine/causes.spec.ts\`, which runs every cause on every engine of the
lab and fails where this page says something else. The causes are those of \`lab/fault-registry.mjs\`.`

/** The page for what was found. */
export function failuresPage({ engines, pulls, builds, totals }: Found): string {
  const names = engines.map(({ name }) => name)
  const heads = engines.map(({ name, version }) => (version ? `${name} (${version})` : name))
  return `${[
    HEAD,
    `${totals.run} runs: ${totals.falseSuccesses} false successes, ${totals.falseFailures} false failures, ${totals.unsettled} unsettled.`,
    `Counted against what each engine is known to make of a cause: where that is not the code of the table stands at the end. An
image counts where the engine has it afterwards.`,
    '## Pulls',
    [
      'Two tries are allowed at each source, and there is another source that has the image. *Tries* are those of shipway at',
      'the first source. Under each engine is how often it asked the registry for a manifest in all of them, where it does not',
      'always ask alike `…`; a code stands where it is another one.',
    ].join('\n'),
    table(
      ['cause', 'code', 'tries', 'next source', ...heads],
      PULL_CAUSES.map((cause) => {
        const row = pulls[cause.title] ?? {}
        const tries = [...new Set(names.map((name) => row[name]?.tries ?? '–'))].join(' or ')
        const cells = names.map((name) => {
          const cell = row[name]
          if (!cell) return '–'
          const requests = cause.engineRepeats ? '…' : String(cell.requests)
          return cell.outcome === cause.outcome ? requests : `\`${cell.outcome}\``
        })
        return [cause.title, code(cause.outcome), tries, nextOf(cause.outcome), ...cells]
      }),
    ),
    '## Builds',
    'By BuildKit and by the classic builder, which is the only one of Podman; `✓` is the same code.',
    table(
      ['cause', 'code', ...heads],
      BUILD_CAUSES.map((cause) => {
        const row = builds[cause.title] ?? {}
        const cells = names.map((name) => {
          const found = buildersOf({ name }).map((builder) => row[`${name} ${builder}`])
          if (found.every((outcome) => outcome === cause.outcome)) return '✓'
          return found
            .map((outcome) => (outcome === cause.outcome ? '✓' : code(outcome)))
            .join(', ')
        })
        return [cause.title, code(cause.outcome), ...cells]
      }),
    ),
    '## Where engines differ',
    [...PULL_CAUSES, ...BUILD_CAUSES]
      .flatMap(({ title, outcome, differs }) =>
        differs
          ? [
              `- ${title}: ${code(differs.outcome)} instead of ${code(outcome)}: ${differs.because}.`,
            ]
          : [],
      )
      .join('\n'),
  ].join('\n\n')}\n`
}

function nextOf(outcome: Outcome): string {
  if (outcome === 'ok') return ''
  return FINAL.has(outcome) ? 'no' : 'yes'
}

const code = (outcome: string | undefined) =>
  outcome === undefined ? '–' : outcome === 'ok' ? 'succeeds' : `\`${outcome}\``

function table(head: string[], rows: (string | number)[][]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Without versions, which differ from machine to machine, and without counts, in which an engine differs from run to run. */
export const withoutVersions = (page: string) =>
  page.replace(/\| (\S+) \([^)|]+\)/g, '| $1').replace(/(?<=\| )(\d+|…)( or \d+)?(?= \|)/g, '#')
