import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { BookFields } from '../../books/book.ts'
import type { Column } from '../reading/header.ts'
import type { Remark } from './fields.ts'

/** The column of the file that each field comes from. */
const COLUMNS: { [Field in keyof BookFields]: Column } = {
  title: 'title',
  originalTitle: 'original_title',
  authors: 'authors',
  isbn10: 'isbn',
  isbn13: 'isbn13',
  year: 'original_publication_year',
  language: 'language_code',
  rating: 'average_rating',
  ratingsCount: 'ratings_count',
  imageUrl: 'image_url',
}

/** The service's own limits. ISBNs are left out: an import keeps one with a wrong check digit, a client may not send it. */
const limits = Compile(Type.Omit(BookFields, ['isbn10', 'isbn13']))

/** The first limit of the catalogue that a book breaks: the column, and how; undefined when it keeps them all. */
export function brokenLimit(fields: BookFields): Remark | undefined {
  if (limits.Check(fields)) return undefined
  const [error] = limits.Errors(fields)
  const [, field = '', item] = error?.instancePath.split('/') ?? []
  const reason = error?.message ?? 'breaks a limit of the catalogue'
  return {
    column: columnOf(field),
    reason: item === undefined ? reason : `name ${Number(item) + 1} ${reason}`,
  }
}

const columnOf = (field: string): Column =>
  Object.entries(COLUMNS).find(([name]) => name === field)?.[1] ?? 'title'
