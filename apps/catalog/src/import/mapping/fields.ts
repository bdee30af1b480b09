import type { BookFields } from '../../books/book.ts'
import type { Column } from '../reading/header.ts'
import { readAuthors, readInteger, readRating, readText } from './cells.ts'
import { readIsbn10, readIsbn13 } from './isbn.ts'
import { brokenLimit } from './limits.ts'

/** What is the matter with one cell. */
export interface Remark {
  column: Column
  reason: string
}

export type Fields =
  | { kind: 'fields'; fields: BookFields; notices: Remark[] }
  | ({ kind: 'rejected' } & Remark)

/** The fields of a book from the cells of its row, or the first cell that forbids it. */
export function readFields(cell: (column: Column) => string): Fields {
  const title = readText(cell('title'))
  if (title === null) return reject('title', 'is blank')
  const authors = readAuthors(cell('authors'))
  if (authors.length === 0) return reject('authors', 'is blank')
  const year = readInteger(cell('original_publication_year'))
  if (year.reason !== undefined) return reject('original_publication_year', year.reason)
  const rating = readRating(cell('average_rating'))
  if (rating.reason !== undefined) return reject('average_rating', rating.reason)
  const ratingsCount = readInteger(cell('ratings_count'))
  if (ratingsCount.reason !== undefined) return reject('ratings_count', ratingsCount.reason)
  const isbn10 = readIsbn10(cell('isbn'))
  const isbn13 = readIsbn13(cell('isbn13'), isbn10.value)

  const fields: BookFields = {
    title,
    originalTitle: readText(cell('original_title')),
    authors,
    isbn10: isbn10.value,
    isbn13: isbn13.value,
    year: year.value,
    language: readText(cell('language_code')),
    rating: rating.value,
    ratingsCount: ratingsCount.value,
    imageUrl: readText(cell('image_url')),
  }
  const broken = brokenLimit(fields)
  if (broken) return reject(broken.column, broken.reason)
  return {
    kind: 'fields',
    fields,
    notices: [...remark('isbn', isbn10.notice), ...remark('isbn13', isbn13.notice)],
  }
}

const reject = (column: Column, reason: string): Fields => ({ kind: 'rejected', column, reason })

const remark = (column: Column, reason: string | undefined): Remark[] =>
  reason === undefined ? [] : [{ column, reason }]
