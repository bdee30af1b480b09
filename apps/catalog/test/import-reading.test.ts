import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, testdir } from 'tap'
import { checkFile } from '../src/import/reading/check.ts'
import { REQUIRED_COLUMNS } from '../src/import/reading/header.ts'
import { type CsvRow, readCsv } from '../src/import/reading/records.ts'

const HEADER = REQUIRED_COLUMNS.join(',')
const troubled = readFileSync(join(import.meta.dirname, 'fixtures/troubled.csv'))
const folder = testdir()
const never = new AbortController().signal

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const row = (id: number): string => `${id},,,Ana,,,Title,,,`

const rowsOf = async (path: string): Promise<CsvRow[]> => {
  const { rows } = await readCsv(path)
  return await Array.fromAsync(rows)
}

await test('cells are as they are in the file, lines are where rows begin', async (t) => {
  const rows = await rowsOf(file('troubled.csv', troubled))
  t.equal(rows.length, 15)
  t.same(
    rows.map(({ line }) => line),
    [2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17],
  )
  t.equal(rows[0]?.cells[5], 'El  mapa, ')
  t.equal(rows[0]?.cells[6], 'The "Lost"  Map (Maps, #1) ')
  t.equal(rows[0]?.cells[11], ' A 1')
  t.equal(rows[1]?.cells[5], 'Two\nlines')
  t.equal(rows[6]?.cells.length, 7)
})

await test('CRLF, a byte order mark, blank lines and no line break at the end change nothing but line numbers', async (t) => {
  const text = troubled.toString()
  const plain = await rowsOf(file('troubled.csv', text))
  const crlf = await rowsOf(file('crlf.csv', `\ufeff${text.replaceAll('\n', '\r\n')}`))
  t.same(
    crlf.map(({ line, cells }) => ({ line, cells: cells.map((cell) => cell.replaceAll('\r\n', '\n')) })),
    plain,
  )
  t.same(await rowsOf(file('open.csv', text.trimEnd())), plain)
  const spaced = await rowsOf(file('spaced.csv', text.replace('\n3,', '\n\n\n3,')))
  t.same(
    spaced.map(({ cells }) => cells),
    plain.map(({ cells }) => cells),
  )
  t.equal(spaced[2]?.line, 7)
})

await test('a character cut by the end of a chunk is whole again', async (t) => {
  const rows = Array.from({ length: 20_000 }, (_, index) => `${index},,,Žofie 月島,,,Ωδὴ 🙂,,,`)
  for (const shift of ['', 'x', 'xy', 'xyz']) {
    const path = file('long.csv', `${HEADER},c${shift}\n${rows.map((line) => `${line},é`).join('\n')}\n`)
    const read = await rowsOf(path)
    t.equal(read.length, rows.length)
    t.ok(
      read.every(
        ({ cells, line }, index) => line === index + 2 && cells[6] === 'Ωδὴ 🙂' && cells[10] === 'é',
      ),
    )
  }
})

await test('a faulty file has one clear, coded error', async (t) => {
  const csv = (...lines: string[]) => `${[HEADER, ...lines].join('\n')}\n`
  const refused = async (content: string | Buffer, code: string, message: RegExp) => {
    const path = file('faulty.csv', content)
    await t.rejects(checkFile(path, never), { code, message }, `${code} ${message}`)
    await t.rejects(checkFile(path, never), { message: /faulty\.csv/ }, 'names the file')
  }
  await refused('', 'LOCKSTEP_IMPORT_EMPTY', /is empty/)
  await refused('\n\n', 'LOCKSTEP_IMPORT_EMPTY', /is empty/)
  await refused(
    Buffer.from(csv(row(1), '2,,,Žofie,,,é,,,', row(3)), 'latin1'),
    'LOCKSTEP_IMPORT_NOT_UTF8',
    /line 3/,
  )
  await refused(
    Buffer.concat([Buffer.from(csv(row(1))), Buffer.from([0xe2, 0x82])]),
    'LOCKSTEP_IMPORT_NOT_UTF8',
    /line 3/,
  )
  await refused(Buffer.from(`\ufeff${csv(row(1))}`, 'utf16le'), 'LOCKSTEP_IMPORT_NOT_UTF8', /UTF-16/)
  await refused('PK\u0003\u0004stuff', 'LOCKSTEP_IMPORT_NOT_CSV', /xlsx/)
  await refused(Buffer.from([0x1f, 0x8b, 8, 0]), 'LOCKSTEP_IMPORT_NOT_CSV', /gzip/)
  await refused('\ufeff [{"book_id":1}]', 'LOCKSTEP_IMPORT_NOT_CSV', /JSON/)
  await refused('<!doctype html><p>Sign in', 'LOCKSTEP_IMPORT_NOT_CSV', /HTML/)
  await refused('ab\0cd', 'LOCKSTEP_IMPORT_NOT_CSV', /binary/)
  await refused(
    'book_id,title,extra\n1,2,3\n',
    'LOCKSTEP_IMPORT_COLUMNS_MISSING',
    /isbn, isbn13, authors.*ratings_count$/,
  )
  await refused('\nbook_id\n', 'LOCKSTEP_IMPORT_COLUMNS_MISSING', /line 2/)
  await refused(csv('1;"a"b;2').replaceAll(',', ';'), 'LOCKSTEP_IMPORT_COLUMNS_MISSING', /semicolons/)
  await refused(`${HEADER},isbn,x,x\n`, 'LOCKSTEP_IMPORT_COLUMNS_TWICE', /"isbn", "x"/)
  await refused(
    csv(row(1), '2,,,Ana,,,5" disk,,,', row(3)),
    'LOCKSTEP_IMPORT_QUOTES',
    /line 3 has a quote inside/,
  )
  await refused(
    csv(row(1), '2,,,"Ana" B,,,T,,,', row(3)),
    'LOCKSTEP_IMPORT_QUOTES',
    /line 3 has a quote inside/,
  )
  await refused(
    csv('1,,,"Ana\nB",,,T,,,', `2,,,Ana,,,"${'open '.repeat(40_000)}`),
    'LOCKSTEP_IMPORT_QUOTES',
    /line 4 is longer/,
  )
  await refused(
    csv(row(1), row(2).slice(0, 7)).trimEnd(),
    'LOCKSTEP_IMPORT_TRUNCATED',
    /line 3\) has 4 of 10 cells/,
  )
  await refused(
    csv(row(1), '2,,,Ana,,,"Tit'),
    'LOCKSTEP_IMPORT_TRUNCATED',
    /inside a quoted cell of the row on line 3/,
  )
  await refused(troubled.subarray(0, 300), 'LOCKSTEP_IMPORT_TRUNCATED', /truncated/)
})

await test('a short row in the middle, or one that ends in a line break, is no truncation', async (t) => {
  t.equal((await checkFile(file('short.csv', `${HEADER}\n1,2\n`), never)).rows, 1)
  t.equal((await checkFile(file('header.csv', HEADER), never)).rows, 0)
})

await test('a path that is no readable file', async (t) => {
  await t.rejects(checkFile(join(folder, 'nowhere.csv'), never), { code: 'LOCKSTEP_IMPORT_NOT_FOUND' })
  mkdirSync(join(folder, 'directory.csv'), { recursive: true })
  await t.rejects(checkFile(join(folder, 'directory.csv'), never), {
    code: 'LOCKSTEP_IMPORT_NOT_A_FILE',
    message: /is a directory/,
  })
  await t.rejects(checkFile('/dev/null', never), {
    code: 'LOCKSTEP_IMPORT_NOT_A_FILE',
    message: /not a regular file/,
  })
})

await test('a file that changed since it was checked is not read again', async (t) => {
  const path = file('changing.csv', troubled)
  const checked = await checkFile(path, never)
  writeFileSync(path, Buffer.concat([troubled, troubled]))
  await t.rejects(checked.open(), { code: 'LOCKSTEP_IMPORT_CHANGED' })
})

await test('a check that is told to stop stops', async (t) => {
  const stopped = AbortSignal.abort()
  t.ok((await checkFile(file('troubled.csv', troubled), stopped)).rows < 15)
})
