import { existsSync, readFileSync } from 'node:fs'
import { test } from 'tap'

const document = new URL('../../../docs/requirements.md', import.meta.url)

/** The rows that there are to be, by section. */
const wanted = Object.entries({ C: 5, K: 13, D: 5, P: 5, S: 4, A: 5, M: 3 }).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, n) => `${section}${n + 1}`),
)

const LINK = /\[[^\]]+\]\(([^)#\s]+)[^)]*\)/g

const rows = readFileSync(document, 'utf8')
  .split('\n')
  .filter((line) => /^\| [A-Z]\d+ \|/.test(line))
  .map((line) => {
    const [id = '', row = '', code = '', tests = '', ...tries] = line.slice(2, -2).split(' | ')
    return { id, row, code, tests, line: tries.join(' | ') }
  })

const linksOf = (cell: string): URL[] =>
  Array.from(cell.matchAll(LINK), ([, path = '']) => new URL(path, document))

await test('every requirement has its row, in order, and no other has', async (t) => {
  t.same(
    rows.map(({ id }) => id),
    wanted,
  )
})

await test('every row names code that is there, tests that cite it, and a line to try', async (t) => {
  for (const { id, code, tests, line } of rows) {
    const sources = linksOf(code)
    t.ok(sources.length > 0, `${id} has code`)
    for (const source of sources) t.ok(existsSync(source), `${id}: ${source.pathname}`)
    t.match(line, /^`[^`]+`/, `${id} has a line to try`)
    const named = tests.split(/[;,] (?=\[)/)
    for (const one of named) {
      const [file] = linksOf(one)
      if (!t.ok(file && existsSync(file), `${id}: ${one} is there`) || file === undefined) continue
      const text = readFileSync(file, 'utf8')
      t.match(
        text,
        new RegExp(`['\`](?:[A-Z]\\d+ )*${id}\\b|\\(${id}\\b`),
        `${id} is cited by ${file.pathname}`,
      )
      const title = /: _(.+)_$/.exec(one)?.[1]
      if (title !== undefined) t.ok(text.includes(title), `${file.pathname} has: ${title}`)
    }
  }
})

await test('every path in the document is there', async (t) => {
  for (const link of linksOf(readFileSync(document, 'utf8'))) t.ok(existsSync(link), link.pathname)
})
