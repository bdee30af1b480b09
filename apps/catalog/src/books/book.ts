import Type, { type Static } from 'typebox'

/** Text that Postgres can keep: no NUL and no half of a surrogate pair, which would be refused or quietly replaced there. */
const TEXT = '^[^\\u0000\\p{Cs}]*$'

/** The greatest id: books are numbered by a Postgres `integer`. */
export const MAX_ID = 2_147_483_647

const Nullable = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()])

const fields = {
  title: Type.String({ minLength: 1, maxLength: 500, pattern: TEXT }),
  originalTitle: Nullable(Type.String({ minLength: 1, maxLength: 500, pattern: TEXT })),
  authors: Type.Array(Type.String({ minLength: 1, maxLength: 200, pattern: TEXT }), {
    minItems: 1,
    maxItems: 100,
  }),
  isbn10: Nullable(
    Type.String({ format: 'isbn10', description: 'Ten digits, leading zeros kept; the last may be X' }),
  ),
  isbn13: Nullable(Type.String({ format: 'isbn13', description: 'Thirteen digits' })),
  year: Nullable(
    Type.Integer({ minimum: -5000, maximum: 3000, description: 'Of first publication; negative is BC' }),
  ),
  language: Nullable(
    Type.String({
      pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
      description: 'A tag such as eng or en-US',
    }),
  ),
  rating: Nullable(Type.Number({ minimum: 0, maximum: 5, multipleOf: 0.01 })),
  ratingsCount: Nullable(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
  imageUrl: Nullable(Type.String({ format: 'uri', maxLength: 2000, pattern: '^https?://' })),
}

const absent = {
  originalTitle: null,
  isbn10: null,
  isbn13: null,
  year: null,
  language: null,
  rating: null,
  ratingsCount: null,
  imageUrl: null,
}

/** What a client may say about a book. */
export const BookFields = Type.Object(fields)
export type BookFields = Static<typeof BookFields>

/** A book as the catalogue keeps it. */
export const Book = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: MAX_ID }),
  version: Type.Integer({ minimum: 1, description: 'One more after every change' }),
  ...fields,
  // As printed in the book, even when its check digit is wrong: an import keeps it.
  isbn10: Nullable(Type.String({ pattern: '^[0-9]{9}[0-9X]$' })),
  isbn13: Nullable(Type.String({ pattern: '^[0-9]{13}$' })),
  rating: Nullable(Type.Number({ minimum: 0, maximum: 5 })),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
})
export type Book = Static<typeof Book>

/** A new book: title and authors at least. */
export const NewBook = Type.Object(
  { ...Type.Partial(BookFields).properties, title: fields.title, authors: fields.authors },
  { additionalProperties: false },
)
export type NewBook = Static<typeof NewBook>

/** A change: the version it was made against, and the fields to replace; `null` clears one (RFC 7396). */
export const BookChange = Type.Object(
  { ...Type.Partial(BookFields).properties, version: Type.Integer({ minimum: 1, maximum: MAX_ID }) },
  { additionalProperties: false },
)
export type BookChange = Static<typeof BookChange>

/** A page of books, in the order of their ids. */
export const BookPage = Type.Object({
  items: Type.Array(Book),
  total: Type.Integer({ description: 'How many books match, over all pages' }),
  skip: Type.Integer(),
  limit: Type.Integer(),
})
export type BookPage = Static<typeof BookPage>

/** A new book with every field said. */
export const withDefaults = (book: NewBook): BookFields => ({ ...absent, ...book })
