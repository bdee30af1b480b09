import type { Migration } from 'kysely/migration'
import * as books from './0001-books.ts'
import * as bookTags from './0002-book-tags.ts'

/** Every migration, by name; a name that has landed never changes. */
export const migrations: Record<string, Migration> = { '0001-books': books, '0002-book-tags': bookTags }
