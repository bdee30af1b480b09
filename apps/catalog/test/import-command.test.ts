import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import tap, { beforeEach, test } from 'tap'
import { readArguments } from '../src/import/command/arguments.ts'
import { runImport } from '../src/import/command/run.ts'
import { startCatalog } from './fixtures/catalog.ts'
import { command, homeOf, longFile, troubled } from './fixtures/command.ts'

const catalog = await startCatalog(tap)
beforeEach(async () => {
  await catalog.db.deleteFrom('books').execute()
})

await test('a file full of trouble: counts, report, database; a second time nothing changes', async (t) => {
  const home = homeOf(t, catalog.url)
  const first = await command(home, [troubled]).ended
  t.equal(first.stderr, '')
  t.equal(first.code, 0)
  t.match(first.stdout, /inserted 7, updated 0, unchanged 0, rejected 8; notices 4; \d+\.\d s\n$/)
  t.match(first.stdout, /15 of 15 rows, 100 %/)
  t.ok(
    first.stdout.includes('rejected: line 10, original_publication_year is not a whole number ("unknown")\n'),
  )
  const report: Record<string, string>[] = parse(readFileSync(join(home, 'import-report.csv')), {
    columns: true,
  })
  t.same(
    report.map(({ kind, line, column }) => [kind, line, column].join(' ')),
    [
      'notice 7 isbn',
      'notice 7 isbn13',
      'notice 8 isbn13',
      'rejected 9 ',
      'rejected 10 original_publication_year',
      'rejected 11 average_rating',
      'rejected 12 ratings_count',
      'rejected 13 book_id',
      'rejected 14 isbn',
      'rejected 15 title',
      'rejected 16 image_url',
      'notice 17 isbn13',
    ],
  )
  t.match(report[7], { reason: 'was on line 2 already', value: '1' })
  t.match(report[8], { reason: 'belongs to the book of line 6 already', value: '123451X' })
  const books = await catalog.books()
  t.match(
    books.map(({ isbn10, isbn13, year, title }) => [isbn10, isbn13, year, title]),
    [
      ['0001234536', '9780001234536', 2008, 'The "Lost"  Map (Maps, #1)'],
      ['0001234501', '9780001234505', -750, 'Ωδὴ & Ünïcode'],
      [null, '9780001234529', null, 'No year'],
      ['000123451X', null, 1999, 'Ten and an X'],
      ['0001234561', null, 2001, 'Printed with a wrong ISBN'],
      [null, null, 2002, 'Not thirteen'],
      ['0001234587', '9780001234550', 2011, 'Two ISBNs that disagree'],
    ],
  )
  t.match(books[0]?.source_row, { isbn: '1234536', title: 'The "Lost"  Map (Maps, #1) ', shelf: ' A 1' })

  const second = await command(home, [troubled]).ended
  t.match(second.stdout, /inserted 0, updated 0, unchanged 7, rejected 8; notices 4;/)
  t.same(await catalog.books(), books)
})

await test('a file that is faulty at its very end changes nothing', async (t) => {
  const home = homeOf(t, catalog.url)
  const path = join(home, longFile(home))
  writeFileSync(path, readFileSync(path).subarray(0, -8))
  const { code, stdout, stderr } = await command(home, ['long.csv']).ended
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^LOCKSTEP_IMPORT_TRUNCATED: .*long\.csv is truncated: its last row \(line 1201\).*\n$/)
  t.same(await catalog.books(), [])
})

await test('the command line', async (t) => {
  const refused = (args: string[], message: string) => {
    const ending = `${message}. Try: npm run import -- --help`
    t.throws(() => readArguments(args), { code: 'LOCKSTEP_IMPORT_ARGUMENTS', message: ending }, ending)
  }
  refused([], 'No file is named')
  refused(['a.csv', 'b.csv'], 'One file at a time, not 2')
  refused(
    ['a.csv', '--source', 'a b'],
    '--source takes 1 to 100 letters, digits, dots, dashes and underscores',
  )
  refused(['--report'], "Option '--report <value>' argument missing")
  const home = homeOf(t)
  const unknown = await command(home, ['--verbose', 'a.csv']).ended
  t.match(unknown, {
    code: 1,
    stdout: '',
    stderr: /^LOCKSTEP_IMPORT_ARGUMENTS: Unknown option '--verbose'\. Try: .*\n$/,
  })
  const help = await command(home, ['--help']).ended
  t.match(help, { code: 0, stdout: /npm run import -- FILE\.csv/, stderr: '' })
})

await test('paths begin where the person is, and sources are apart', async (t) => {
  const home = homeOf(t, catalog.url)
  longFile(home)
  mkdirSync(join(home, 'elsewhere'))
  const env = { INIT_CWD: join(home, 'elsewhere') }
  const args = ['../long.csv', '--source', 'other', '--report', 'reports/r.csv']
  t.equal((await command(home, args, env).ended).stderr, '')
  t.equal(readFileSync(join(home, 'elsewhere/reports/r.csv'), 'utf8'), 'kind,line,column,reason,value\n')
  t.equal((await catalog.books())[0]?.source, 'other')
  const again = await command(home, ['long.csv']).ended
  t.match(again.stdout, /inserted 1199, updated 0, unchanged 0, rejected 1/, 'one ISBN is the other source’s')
})

await test('the caches of the fleet are told, and a person is when they could not be', async (t) => {
  const home = homeOf(t, catalog.url)
  let output = ''
  const ids: number[] = []
  const closed: (string | undefined)[] = []
  const run = (announce: (changed: { ids: number[] }) => Promise<void>, source: string) =>
    runImport({
      args: [longFile(home), '--source', source],
      env: {},
      folder: home,
      home,
      output: { write: (text) => (output += text) },
      now: () => performance.now(),
      signal: new AbortController().signal,
      openCaches: async (redisUrl) => ({ announce, close: async () => void closed.push(redisUrl) }),
    })
  t.equal(await run(async (changed) => void ids.push(...changed.ids), 'told'), 'done')
  const stored = (await catalog.books()).map(({ id }) => id)
  t.same(
    ids.toSorted((a, b) => a - b),
    stored,
  )
  t.notMatch(output, /caches/)
  await run(() => Promise.reject(new Error('Redis is away')), 'untold')
  t.match(output, /The caches were not told about 1199 books \(Redis is away\)/)
  t.match(output, /inserted 1199/)
  t.same(closed, ['redis://127.0.0.1:1', 'redis://127.0.0.1:1'])
})
