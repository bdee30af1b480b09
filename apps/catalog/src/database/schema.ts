import type { ColumnType, Generated, Selectable } from 'kysely'

/** The tables of the catalogue, as Kysely types them. Migrations are the truth; this follows them. */
export interface CatalogDatabase {
  books: BooksTable
  book_tags: BookTagsTable
}

interface BooksTable {
  id: Generated<number>
  version: Generated<number>
  title: string
  original_title: string | null
  authors: string[]
  isbn10: string | null
  isbn13: string | null
  year: number | null
  language: string | null
  rating: number | null
  ratings_count: number | null
  image_url: string | null
  /** Title, original title and authors, folded (see `fold`): what a search looks at. */
  search_text: string
  /** Where an imported book came from, its key there, and its cells exactly as they were in the file. */
  source: string | null
  source_id: string | null
  source_row: ColumnType<Record<string, string> | null, string | null, string | null>
  /** Another one after each change of the book's tags; null: it was never tagged. */
  tags_revision: Generated<string | null>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

interface BookTagsTable {
  book_id: number
  tag: string
}

export type BookRow = Selectable<BooksTable>
