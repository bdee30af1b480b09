import { sql, type Transaction } from 'kysely'
import { bookColumns } from '../../database/columns.ts'
import type { CatalogDatabase } from '../../database/schema.ts'
import type { SourceBook } from '../mapping/map-row.ts'

type Catalog = Transaction<CatalogDatabase>

/** A book of the database, as far as an import asks. */
export interface Stored {
  id: number
  isbn10: string | null
  isbn13: string | null
}

/** A book that came from this source before, and whether its row was the same then. */
export interface StoredRow extends Stored {
  same: boolean
}

/** The books that came from these rows before, by `source_id`; locked against other writers until the commit. */
export async function booksOfSource(
  trx: Catalog,
  source: string,
  books: readonly SourceBook[],
): Promise<ReadonlyMap<string, StoredRow>> {
  const keys = books.map(({ sourceId }) => sourceId)
  const rows = books.map(({ row }) => JSON.stringify(row))
  const { rows: found } = await sql<StoredRow & { source_id: string }>`
    select b.id, b.isbn10, b.isbn13, b.source_id, coalesce(b.source_row = given.row::jsonb, false) as same
    from unnest(${keys}::text[], ${rows}::text[]) as given (source_id, row)
    join books b on b.source = ${source} and b.source_id = given.source_id
    order by b.id
    for update of b`.execute(trx)
  return new Map(found.map(({ source_id, ...book }) => [source_id, book]))
}

/** The books that hold any ISBN of these rows now. */
export async function booksOfIsbns(trx: Catalog, books: readonly SourceBook[]): Promise<Stored[]> {
  const isbn10s = books.flatMap(({ fields }) => fields.isbn10 ?? [])
  const isbn13s = books.flatMap(({ fields }) => fields.isbn13 ?? [])
  const { rows } = await sql<Stored>`
    select id, isbn10, isbn13 from books where isbn10 = any(${isbn10s}::text[])
    union
    select id, isbn10, isbn13 from books where isbn13 = any(${isbn13s}::text[])`.execute(trx)
  return rows
}

/**
 * Inserts new rows and updates those that were there before, in one statement and in the order given, so that a row may
 * take the ISBN that one before it gives up.
 *
 * @returns the ids of all
 */
export async function upsert(trx: Catalog, source: string, books: readonly SourceBook[]): Promise<number[]> {
  if (books.length === 0) return []
  const written = await trx
    .insertInto('books')
    .values(books.map((book) => columnsOf(source, book)))
    .onConflict((conflict) =>
      conflict.columns(['source', 'source_id']).doUpdateSet((eb) => ({
        version: eb('books.version', '+', 1),
        title: eb.ref('excluded.title'),
        original_title: eb.ref('excluded.original_title'),
        authors: eb.ref('excluded.authors'),
        isbn10: eb.ref('excluded.isbn10'),
        isbn13: eb.ref('excluded.isbn13'),
        year: eb.ref('excluded.year'),
        language: eb.ref('excluded.language'),
        rating: eb.ref('excluded.rating'),
        ratings_count: eb.ref('excluded.ratings_count'),
        image_url: eb.ref('excluded.image_url'),
        search_text: eb.ref('excluded.search_text'),
        source_row: eb.ref('excluded.source_row'),
        updated_at: eb.fn<Date>('now'),
      })),
    )
    .returning('id')
    .execute()
  return written.map(({ id }) => id)
}

const columnsOf = (source: string, { sourceId, fields, row }: SourceBook) => ({
  ...bookColumns(fields),
  source,
  source_id: sourceId,
  source_row: JSON.stringify(row),
})
