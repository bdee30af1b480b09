import { sql } from 'kysely'
import tap, { beforeEach, test } from 'tap'
import type { BookFields } from '../src/books/book.ts'
import type { SourceBook } from '../src/import/mapping/map-row.ts'
import { type Changed, writeBatch } from '../src/import/writing/write-batch.ts'
import { startCatalog } from './fixtures/catalog.ts'

const catalog = await startCatalog(tap)
const { db } = catalog
beforeEach(async () => {
  await sql`truncate books restart identity cascade`.execute(db)
})

const silence = async () => {}

/** A row of a file; its cells say what its fields do. */
const book = (sourceId: string, changes: Partial<BookFields> = {}): SourceBook => {
  const fields = {
    title: `Title ${sourceId}`,
    originalTitle: null,
    authors: ['Ana, the Elder', 'Bo "B" Li', 'Ana, the Elder'],
    isbn10: null,
    isbn13: null,
    year: -750,
    language: 'eng',
    rating: 4.35,
    ratingsCount: 7,
    imageUrl: null,
    ...changes,
  }
  const row = { title: fields.title, isbn: fields.isbn10 ?? '', isbn13: fields.isbn13 ?? '' }
  return { line: Number(sourceId) + 1, sourceId, fields, row }
}

const write = (...books: SourceBook[]) => writeBatch(db, 'test', books, silence)

await test('new rows are inserted whole', async (t) => {
  const outcome = await write(book('1', { title: 'Ωδὴ {"a\\b"}', isbn10: '000123451X' }), book('2'))
  t.same(outcome, { inserted: 2, updated: 0, unchanged: 0, rejected: [] })
  t.match((await catalog.books())[0], {
    id: 1,
    version: 1,
    title: 'Ωδὴ {"a\\b"}',
    authors: ['Ana, the Elder', 'Bo "B" Li', 'Ana, the Elder'],
    isbn10: '000123451X',
    year: -750,
    rating: 4.35,
    search_text: /ωδη/,
    source: 'test',
    source_id: '1',
    source_row: { title: 'Ωδὴ {"a\\b"}', isbn: '000123451X', isbn13: '' },
  })
})

await test('an unchanged row is left alone, with the edits that a user made', async (t) => {
  await write(book('1'))
  await db.updateTable('books').set({ title: 'Edited', version: 2 }).execute()
  t.same(await write(book('1')), { inserted: 0, updated: 0, unchanged: 1, rejected: [] })
  t.match(await catalog.books(), [{ title: 'Edited', version: 2 }])
})

await test('a changed row updates its book and no other, one version on', async (t) => {
  await write(book('1'), book('2'))
  await writeBatch(db, 'elsewhere', [book('1')], silence)
  const outcome = await write(book('1', { title: 'New', year: null }), book('2'), book('3'))
  t.same(outcome, { inserted: 1, updated: 1, unchanged: 1, rejected: [] })
  const byKey = (await catalog.books()).map(({ source, source_id, title, version }) => [
    source,
    source_id,
    title,
    version,
  ])
  t.same(byKey, [
    ['test', '1', 'New', 2],
    ['test', '2', 'Title 2', 1],
    ['elsewhere', '1', 'Title 1', 1],
    ['test', '3', 'Title 3', 1],
  ])
  const [first] = await catalog.books()
  t.equal(first?.year, null)
  t.ok(first && first.updated_at > first.created_at)
})

await test('the caches are told ids, and ISBNs new and old', async (t) => {
  const told: Changed[] = []
  const tell = async (changed: Changed) => void told.push(changed)
  await writeBatch(db, 'test', [book('1', { isbn10: '0001234501' })], tell)
  await writeBatch(
    db,
    'test',
    [book('1', { isbn10: '0001234536', isbn13: '9780001234536' }), book('2')],
    tell,
  )
  await writeBatch(db, 'test', [book('2')], tell)
  t.same(told, [
    { ids: [1], isbns: ['0001234501'] },
    { ids: [1, 3], isbns: ['0001234501', '0001234536', '9780001234536'] },
  ])
})

await test('the caches are told even when nobody knows whether the commit happened', async (t) => {
  await sql`create function fail() returns trigger language plpgsql as $$ begin raise 'at commit'; end $$`.execute(
    db,
  )
  await sql`
    create constraint trigger fail after insert on books deferrable initially deferred
    for each row execute function fail()`.execute(db)
  t.teardown(() => sql`drop function fail cascade`.execute(db))
  const told: Changed[] = []
  await t.rejects(
    writeBatch(db, 'test', [book('1', { isbn10: '0001234501' })], async (changed) => void told.push(changed)),
    { message: /at commit/ },
  )
  t.same(told, [{ ids: [1], isbns: ['0001234501'] }])
  t.same(await catalog.books(), [])
})

await test("a row that asks for another book's ISBN is rejected alone", async (t) => {
  await db
    .insertInto('books')
    .values({ title: 'Here before', authors: ['Ana'], isbn13: '9780001234505', search_text: '' })
    .execute()
  const outcome = await write(
    book('1', { isbn13: '9780001234505' }),
    book('2', { isbn10: '0001234536' }),
    book('3', { isbn10: '0001234536' }),
    book('4'),
  )
  t.match(outcome, {
    inserted: 2,
    rejected: [
      {
        kind: 'rejected',
        line: 2,
        column: 'isbn13',
        reason: 'belongs to book 1 already',
        value: '9780001234505',
      },
      { kind: 'rejected', line: 4, column: 'isbn', reason: 'belongs to the book of line 3 already' },
    ],
  })
  t.same(
    (await catalog.books()).map(({ source_id }) => source_id),
    [null, '2', '4'],
  )
})

await test('a row that is rejected leaves its book as it was', async (t) => {
  await write(book('1', { isbn10: '0001234501' }), book('2', { isbn10: '0001234536' }))
  const outcome = await write(book('2', { isbn10: '0001234501' }))
  t.match(outcome, { updated: 0, rejected: [{ reason: 'belongs to book 1 already' }] })
  t.match(await catalog.books(), [{ isbn10: '0001234501' }, { isbn10: '0001234536', version: 1 }])
})

await test('one row may take the ISBN that another gives up before it', async (t) => {
  await write(book('1', { isbn10: '0001234501' }), book('2', { isbn10: '0001234536' }))
  const outcome = await write(book('1', { isbn10: null }), book('2', { isbn10: '0001234501' }))
  t.match(outcome, { updated: 2, rejected: [] })
  t.match(await catalog.books(), [{ isbn10: null }, { isbn10: '0001234501' }])
  const onwards = await write(book('1', { isbn10: '0001234536' }))
  t.match(onwards, { updated: 1 })
})

await test('a batch that crosses a writer of the service is tried again', async (t) => {
  await write(book('1'))
  let written: ReturnType<typeof write> | undefined
  await db.transaction().execute(async (service) => {
    await service
      .insertInto('books')
      .values({ title: 'From the service', authors: ['Ana'], isbn10: '0001234501', search_text: '' })
      .execute()
    // The import cannot see this book yet, takes its ISBN, and waits for it in the unique index.
    written = write(book('2', { isbn10: '0001234501' }), book('3'))
    await catalog.someoneWaits()
  })
  t.match(await written, {
    inserted: 1,
    rejected: [{ line: 3, column: 'isbn', reason: /belongs to book \d+ already/ }],
  })
})

await test('imports at once neither deadlock nor write a row twice', async (t) => {
  const forwards = Array.from({ length: 50 }, (_, index) => book(String(index + 1)))
  const outcomes = await Promise.all([
    ...[1, 2, 3].map(() => write(...forwards)),
    write(...forwards.toReversed().map(({ sourceId }) => book(sourceId, { title: 'Other' }))),
  ])
  t.equal(
    outcomes.reduce((total, { inserted }) => total + inserted, 0),
    50,
  )
  t.equal((await catalog.books()).length, 50)
})
