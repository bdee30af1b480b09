import type { Database } from '@lockstep/postgres'
import { type ExpressionBuilder, sql } from 'kysely'
import { bookColumns } from '../database/columns.ts'
import type { BookRow, CatalogDatabase } from '../database/schema.ts'
import type { Book, BookChange, BookFields } from './book.ts'
import { fold } from './fold.ts'
import { type Isbn, isIsbn10, isIsbn13, toIsbn10, toIsbn13 } from './isbn.ts'

/** Which books a list is about, and which part of it. */
export interface BookQuery {
  /** Any part of a title or an author's name; case and accents do not matter. */
  readonly q?: string
  readonly author?: string
  readonly language?: string
  readonly tag?: string
  readonly skip: number
  readonly limit: number
}

/** What became of a change. */
export type Changed =
  | { kind: 'done'; book: Book; before: Book }
  | { kind: 'absent' }
  | { kind: 'conflict'; current: number }

/** What became of a deletion. */
export type Deleted = { kind: 'done'; before: Book } | Exclude<Changed, { kind: 'done' }>

/** Books in Postgres. */
export interface BookRepository {
  /** In the order of the ids; undefined where there is no book. */
  byIds(ids: readonly number[]): Promise<(Book | undefined)[]>
  idByIsbn(isbn: Isbn): Promise<number | undefined>
  page(query: BookQuery): Promise<{ items: Book[]; total: number }>
  /** The row of the file that the book was imported from, cell by cell. */
  sourceRow(id: number): Promise<Record<string, string> | undefined>
  /** @throws a unique violation when another book has the ISBN */
  create(book: BookFields): Promise<Book>
  /** Applies a change made against a version, unless the book has moved on. @throws as `create` */
  change(id: number, change: BookChange): Promise<Changed>
  /** @param version when given, only this version is deleted */
  remove(id: number, version: number | undefined): Promise<Deleted>
}

export function bookRepository({ db }: Database<CatalogDatabase>): BookRepository {
  return {
    async byIds(ids) {
      const rows = await db.selectFrom('books').select(COLUMNS).where('id', 'in', ids).execute()
      const found = new Map(rows.map((row) => [row.id, toBook(row)]))
      return ids.map((id) => found.get(id))
    },

    async idByIsbn(isbn) {
      const row = await db
        .selectFrom('books')
        .select('id')
        .where((eb) => eb.or(sameIsbn(isbn).map(([column, digits]) => eb(column, '=', digits))))
        .orderBy('id')
        .executeTakeFirst()
      return row?.id
    },

    async page(query) {
      const matching = db.selectFrom('books').where((eb) => eb.and(conditions(eb, query)))
      const [rows, count] = await Promise.all([
        matching.select(COLUMNS).orderBy('id').offset(query.skip).limit(query.limit).execute(),
        matching.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow(),
      ])
      return { items: rows.map(toBook), total: count.total }
    },

    async sourceRow(id) {
      const row = await db.selectFrom('books').select('source_row').where('id', '=', id).executeTakeFirst()
      return row?.source_row ?? undefined
    },

    async create(book) {
      const row = await db
        .insertInto('books')
        .values(bookColumns(book))
        .returning(COLUMNS)
        .executeTakeFirstOrThrow()
      return toBook(row)
    },

    change(id, { version, ...fields }) {
      return db.transaction().execute(async (trx): Promise<Changed> => {
        const row = await trx
          .selectFrom('books')
          .select(COLUMNS)
          .where('id', '=', id)
          .forUpdate()
          .executeTakeFirst()
        if (!row) return { kind: 'absent' }
        if (row.version !== version) return { kind: 'conflict', current: row.version }
        const before = toBook(row)
        const changed = { ...before, ...fields }
        const after = await trx
          .updateTable('books')
          .set({
            ...bookColumns(changed),
            version: version + 1,
            updated_at: sql<Date>`now()`,
          })
          .where('id', '=', id)
          .returning(COLUMNS)
          .executeTakeFirstOrThrow()
        return { kind: 'done', book: toBook(after), before }
      })
    },

    async remove(id, version) {
      const row = await db
        .deleteFrom('books')
        .where('id', '=', id)
        .$if(version !== undefined, (query) => query.where('version', '=', version ?? 0))
        .returning(COLUMNS)
        .executeTakeFirst()
      if (row) return { kind: 'done', before: toBook(row) }
      const current = await db.selectFrom('books').select('version').where('id', '=', id).executeTakeFirst()
      return current ? { kind: 'conflict', current: current.version } : { kind: 'absent' }
    },
  }
}

const COLUMNS = [
  'id',
  'version',
  'title',
  'original_title',
  'authors',
  'isbn10',
  'isbn13',
  'year',
  'language',
  'rating',
  'ratings_count',
  'image_url',
  'created_at',
  'updated_at',
] as const

function conditions(eb: ExpressionBuilder<CatalogDatabase, 'books'>, query: BookQuery) {
  const { q, author, language, tag } = query
  return [
    ...(q ? [eb('search_text', 'like', `%${escapeLike(fold(q))}%`)] : []),
    ...(author ? [sql<boolean>`authors @> array[${author}]::text[]`] : []),
    ...(language ? [eb('language', '=', language)] : []),
    ...(tag ? [eb('id', 'in', eb.selectFrom('book_tags').select('book_id').where('tag', '=', tag))] : []),
  ]
}

/** Text that LIKE takes as it is written. */
const escapeLike = (text: string) => text.replaceAll(/[\\%_]/g, String.raw`\$&`)

/** A book may be kept under either form of its ISBN. */
function sameIsbn({ kind, digits }: Isbn): ['isbn10' | 'isbn13', string][] {
  const same: ['isbn10' | 'isbn13', string][] = [[kind, digits]]
  if (kind === 'isbn10' && isIsbn10(digits)) same.push(['isbn13', toIsbn13(digits)])
  const isbn10 = kind === 'isbn13' && isIsbn13(digits) ? toIsbn10(digits) : undefined
  if (isbn10) same.push(['isbn10', isbn10])
  return same
}

function toBook(row: Pick<BookRow, (typeof COLUMNS)[number]>): Book {
  return {
    id: row.id,
    version: row.version,
    title: row.title,
    originalTitle: row.original_title,
    authors: row.authors,
    isbn10: row.isbn10,
    isbn13: row.isbn13,
    year: row.year,
    language: row.language,
    rating: row.rating,
    ratingsCount: row.ratings_count,
    imageUrl: row.image_url,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
