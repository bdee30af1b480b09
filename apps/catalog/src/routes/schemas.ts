import { Type } from 'typebox'
import { MAX_ID } from '../books/book.ts'

export const BookParams = Type.Object({ id: Type.Integer({ minimum: 1, maximum: MAX_ID }) })

export const IsbnParams = Type.Object({
  isbn: Type.String({ format: 'isbn', description: 'ISBN-10 or ISBN-13; hyphens and spaces do not matter' }),
})

const paging = {
  skip: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
}

const text = (maxLength: number, description: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000\\p{Cs}]*$', description })

export const ListQuery = Type.Object({
  q: Type.Optional(text(100, "Any part of a title or an author's name; case and accents do not matter")),
  author: Type.Optional(text(200, "An author's whole name")),
  language: Type.Optional(text(20, 'A language tag, such as eng')),
  ...paging,
})

const Tag = Type.String({
  format: 'tag',
  description: 'Up to 40 characters; lower case, and one space between words, however it is written',
})

export const BookTagParams = Type.Object({ ...BookParams.properties, tag: Tag })
export const BookPairParams = Type.Object({ ...BookParams.properties, other: BookParams.properties.id })
export const TagParams = Type.Object({ tag: Tag })

export const AuthorParams = Type.Object({ author: text(200, "The author's whole name") })
export const AuthorQuery = Type.Object(paging)

export const DeleteQuery = Type.Object({
  version: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_ID, description: 'Delete only this version' }),
  ),
})

/** The client has it already, by its `If-None-Match`. */
export const NotModified = Type.Unsafe<undefined>({ type: 'null', description: 'Not modified' })
