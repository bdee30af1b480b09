import { test } from 'tap'
import { Screen } from '../src/import/command/screen.ts'
import { noCounts } from '../src/import/import-rows.ts'
import type { Finding } from '../src/import/mapping/finding.ts'

const findings = (kind: Finding['kind'], count: number): Finding[] =>
  Array.from({ length: count }, (_, index) => ({
    kind,
    line: index + 2,
    column: 'isbn',
    reason: 'is odd',
    value: 'x',
  }))

function screen(total: number, isTTY: boolean) {
  const written: string[] = []
  let time = 0
  const output = { isTTY, write: (text: string) => written.push(text) }
  return { written, advance: (by: number) => (time += by), screen: new Screen(output, total, () => time) }
}

await test('twenty findings of each kind are shown, and how many more there are', async (t) => {
  const { screen: shown, written } = screen(100, false)
  const counts = { ...noCounts, rows: 100, rejected: 25, notices: 22 }
  shown.show(counts, [...findings('rejected', 25), ...findings('notice', 22)])
  shown.end(counts, 'r.csv')
  const text = written.join('')
  t.equal(text.match(/^rejected: line/gm)?.length, 20)
  t.equal(text.match(/^notice: line/gm)?.length, 20)
  t.match(text, 'rejected: line 2, isbn is odd ("x")\n')
  t.match(text, 'and 7 more of these\nAll of them are in r.csv\n')
})

await test('values are shown on one line, and cut', async (t) => {
  const { screen: shown, written } = screen(1, false)
  const value = `a\n\u001b[31m${'x'.repeat(100)}`
  shown.show({ ...noCounts, rows: 1 }, [{ kind: 'rejected', line: 2, column: '', reason: 'is long', value }])
  t.match(written[0], /^rejected: line 2: is long \("a\\n\\u001b\[31mx{53}…"\)\n$/)
})

await test('without a terminal progress has a line every tenth', async (t) => {
  const { screen: shown, written, advance } = screen(1000, false)
  for (let rows = 50; rows <= 1000; rows += 50) {
    advance(100)
    shown.show({ ...noCounts, rows }, [])
  }
  t.equal(written.length, 10)
  t.equal(written[0], '100 of 1000 rows, 10 %, 500 rows/s\n')
  t.equal(written[9], '1000 of 1000 rows, 100 %, 500 rows/s\n')
})

await test('on a terminal progress is one line, written over', async (t) => {
  const { screen: shown, written, advance } = screen(100, true)
  advance(1000)
  shown.show({ ...noCounts, rows: 5 }, [])
  shown.show({ ...noCounts, rows: 10 }, findings('notice', 1))
  shown.end({ ...noCounts, rows: 10, inserted: 10, notices: 1 }, 'r.csv')
  t.equal(
    written.join(''),
    '\r\u001b[2K5 of 100 rows, 5 %, 5 rows/s' +
      '\r\u001b[2Knotice: line 2, isbn is odd ("x")\n10 of 100 rows, 10 %, 10 rows/s' +
      '\nAll of them are in r.csv\ninserted 10, updated 0, unchanged 0, rejected 0; notices 1; 1.0 s\n',
  )
})
