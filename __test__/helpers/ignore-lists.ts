/** Ignore files by the hundred, always the same ones. */

const words = (text: string) => text.split(/\s+/)

/** What patterns are put together from, all of it understood by Docker. */
const PIECES = [
  ...words(
    '* * ** ? *.log *.md a* *b* .* *.t?t ?* */ **/ /** src docs node_modules README.md x.log',
  ),
  ...words('café .git deep a b [ab] [^a] [a-c]* [[:digit:]] [.]git [!a]* x[^/]y [é-ü] [*] [\\d]'),
  ...words(
    '\\* \\? \\[x\\] \\\\ \\d \\w* \\D \\S* \\.git a\\b \\x41 \\Qa*\\E *\\z ^a* a$* a+b* (a)* }* ~*',
  ),
  ...words('a|b *|b b{2}* a{0,1}b*'),
  'sp ace',
  'p\\ a',
]

/** Patterns for names of the tree, so that most lists leave something out. */
const NAMES = [
  ...words('src src/* src/** src/main **/main src/lib/deep docs docs/*.md **/*.md docs/README.md'),
  ...words(
    'node_modules **/node_modules a a/b a/*/c a/**/c **/b/** *.log **/*.log .git* empty link',
  ),
  ...words('A a-b a.b !bang \\!bang #hash \\#hash 10 1? ./docs/../src /src src/ / . ./a ../a a//b'),
  'sp ace',
]

/** Numbers that look random: mulberry32. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Makes `count` ignore files. */
export function ignoreFiles(count: number, seed: number): string[] {
  const random = randomNumbers(seed)
  const pick = (from: string[]) => from[random(from.length)] ?? ''
  const chance = (percent: number) => random(100) < percent

  const pattern = () => {
    if (chance(60)) return pick(NAMES)
    const parts = Array.from({ length: 1 + random(3) }, () => pick(PIECES))
    return parts.join(chance(60) ? '/' : '')
  }
  const line = () => {
    if (chance(6)) return pick(['# comment', '#', '', '  ', ' # no comment'])
    const mark = chance(30) ? pick(['!', '!', '! ', '!/']) : ''
    const text = mark + pattern()
    return chance(8) ? `  ${text} ` : text
  }
  const file = () => {
    const lines = Array.from({ length: 1 + random(7) }, line)
    // What keeps a little of everything is what people write most.
    if (chance(25)) lines.unshift(pick(['*', '**', '*/*']))
    const end = chance(15) ? '\r\n' : '\n'
    return (chance(8) ? '\ufeff' : '') + lines.join(end) + (chance(80) ? end : '')
  }
  // Nothing after a `!` is refused: such lists are another test's.
  const isRefused = (text: string) => /^\ufeff?\s*!\s*[./]*\s*$/m.test(text)
  const files = new Set<string>()
  while (files.size < count) {
    const text = file()
    if (!isRefused(text)) files.add(text)
  }
  return [...files]
}
