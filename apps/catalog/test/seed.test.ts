import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { freePort } from '@lockstep/servers'
import { test } from 'tap'
import Type from 'typebox'
import Value from 'typebox/value'
import { BookFields } from '../src/books/book.ts'
import { isIsbn10, isIsbn13, toIsbn13 } from '../src/books/isbn.ts'
import { migrations } from '../src/database/migrations/index.ts'
import { GENERATED_BOOKS, generateBooks } from '../src/seed/generate.ts'
import { loadGenerated } from '../src/seed/load.ts'
import { seededRandom } from '../src/seed/random.ts'
import { startCatalog } from './fixtures/catalog.ts'

const books = generateBooks(GENERATED_BOOKS, seededRandom(2026))

const textOf = (seed: number): string => JSON.stringify(generateBooks(GENERATED_BOOKS, seededRandom(seed)))

await test('the same seed gives the same books, everywhere and always', async (t) => {
  t.equal(textOf(2026), JSON.stringify(books))
  t.ok(textOf(2027) !== textOf(2026))
  const hash = createHash('sha256').update(textOf(2026)).digest('hex')
  t.equal(hash, '2d9b2b0759929c222329da98846c3923b2b64189d0abd677aa5843339edb7ecb')
})

await test('generated books keep the limits of the catalogue', async (t) => {
  const limits = Type.Omit(BookFields, ['isbn10', 'isbn13'])
  t.same(
    books.filter((book) => !Value.Check(limits, book)),
    [],
  )
  const pairs = books.filter(({ isbn10, isbn13 }) => {
    return (
      isbn10 !== null &&
      isbn13 !== null &&
      isIsbn10(isbn10) &&
      isIsbn13(isbn13) &&
      toIsbn13(isbn10) === isbn13
    )
  })
  t.equal(pairs.length, GENERATED_BOOKS)
  t.equal(new Set(books.map(({ isbn10 }) => isbn10)).size, GENERATED_BOOKS)
  t.ok(
    books.every(({ isbn13 }) => isbn13?.startsWith('97899999')),
    'a registration group that no agency has',
  )
  t.throws(() => generateBooks(10_001, seededRandom(1)), RangeError)
})

await test('generated books are various', async (t) => {
  const byAuthor = new Map<string, number>()
  for (const name of books.flatMap(({ authors }) => authors))
    byAuthor.set(name, (byAuthor.get(name) ?? 0) + 1)
  t.equal(byAuthor.size, 300)
  t.ok(Math.max(...byAuthor.values()) >= 20, 'some wrote much')
  t.ok(books.some(({ authors }) => authors.length > 1))
  t.equal(new Set(books.map(({ language }) => language)).size, 9)
  t.ok(books.some(({ year }) => year !== null && year < 0))
  const text = JSON.stringify(books)
  for (const script of [
    /'/,
    /[éñß]/,
    /\p{Script=Greek}/u,
    /\p{Script=Cyrillic}/u,
    /\p{Script=Han}/u,
    /\p{Script=Arabic}/u,
  ]) {
    t.match(text, script)
  }
})

const prepare = (databaseUrl: string | undefined) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, DATABASE_URL: databaseUrl }
    const entry = join(import.meta.dirname, '../src/prepare.ts')
    execFile(process.execPath, [entry], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr })
    })
  })

await test('the first start migrates and loads, once, even when two start together', async (t) => {
  const catalog = await startCatalog(t, { migrated: false })
  const reports = await Promise.all([prepare(catalog.url), prepare(catalog.url)])
  t.same(
    reports.map(({ stdout }) => JSON.parse(stdout)).toSorted((a, b) => b.loaded - a.loaded),
    [
      { migrations: Object.keys(migrations).length, books: 2000, loaded: 2000 },
      { migrations: 0, books: 2000, loaded: 0 },
    ],
  )
  const stored = await catalog.books()
  t.same(
    stored.map(({ id }) => id),
    books.map((_, index) => index + 1),
  )
  t.match(stored[7], {
    title: books[7]?.title,
    authors: books[7]?.authors,
    isbn13: books[7]?.isbn13,
    version: 1,
  })
  const { id } = await catalog.db
    .insertInto('books')
    .values({ title: 'Next', authors: ['Ana'], search_text: 'next' })
    .returning('id')
    .executeTakeFirstOrThrow()
  t.equal(id, 2001)
  const again = await prepare(catalog.url)
  t.equal(again.stdout, '{"migrations":0,"books":2001,"loaded":0}\n')
})

await test('launchers that find an empty catalogue at the same time load it once', async (t) => {
  const { db } = await startCatalog(t)
  const outcomes = await Promise.all([loadGenerated(db), loadGenerated(db), loadGenerated(db)])
  t.same(
    outcomes.map(({ loaded }) => loaded).toSorted((a, b) => b - a),
    [2000, 0, 0],
  )
})

await test('without a database it says so on one line', async (t) => {
  const url = `postgres://ann:secret@127.0.0.1:${await freePort()}/x`
  for (const [given, reason] of [
    [url, /ECONNREFUSED/],
    [undefined, /DATABASE_URL is not set/],
  ] as const) {
    const { code, stdout, stderr } = await prepare(given)
    t.same({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr, reason)
    t.match(stderr, /^The database of catalog cannot be prepared: LOCKSTEP_\w+: [^\n]*\n$/)
    t.notMatch(stderr, /secret/)
  }
})
