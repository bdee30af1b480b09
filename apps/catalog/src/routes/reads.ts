import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { cacheStatus, hasAlready, problemAnswers, readAfter } from '@lockstep/fastify'
import { Type } from 'typebox'
import { Book, BookPage } from '../books/book.ts'
import { pageTags } from '../books/caches.ts'
import type { Catalog } from '../books/catalog.ts'
import { parseIsbn } from '../books/isbn.ts'
import { bookNotFound } from '../problems.ts'
import type { PageSettings } from './pages.ts'
import { AuthorParams, AuthorQuery, BookParams, IsbnParams, ListQuery, NotModified } from './schemas.ts'

const SourceRow = Type.Record(Type.String(), Type.String())

/**
 * Reading the catalogue. Every answer that may come from a cache says where it came from, and its ETag saves a client
 * from getting twice what did not change. A book is cached as an object, for `books:v1:42` is a name that other programs
 * may evict; a page is cached as it is sent.
 */
export const readRoutes: FastifyPluginAsyncTypebox<{ catalog: Catalog; pages: PageSettings }> = async (
  app,
  { catalog, pages },
) => {
  app.get(
    '/books/:id',
    {
      schema: {
        tags: ['books'],
        summary: 'A book by its id',
        params: BookParams,
        response: { 200: Book, 304: NotModified, ...problemAnswers(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const reading = await catalog.book(id, readAfter(request))
      reply.header('cache-status', cacheStatus(reading))
      if (!reading.value) throw bookNotFound(String(id))
      const etag = etagOf(reading.value)
      reply.header('etag', etag)
      if (hasAlready(request.headers['if-none-match'], etag)) return reply.code(304).send()
      return reading.value
    },
  )

  app.get(
    '/books/isbn/:isbn',
    {
      schema: {
        tags: ['books'],
        summary: 'A book by its ISBN',
        params: IsbnParams,
        response: { 200: Book, 304: NotModified, ...problemAnswers(400, 404, 503) },
      },
    },
    async (request, reply) => {
      const isbn = parseIsbn(request.params.isbn)
      const reading = isbn && (await catalog.bookByIsbn(isbn, readAfter(request)))
      if (!reading?.value) throw bookNotFound(`with the ISBN ${request.params.isbn}`)
      reply.header('cache-status', cacheStatus(reading))
      const etag = etagOf(reading.value)
      reply.header('etag', etag)
      if (hasAlready(request.headers['if-none-match'], etag)) return reply.code(304).send()
      return reading.value
    },
  )

  app.get(
    '/books',
    {
      config: { cache: { ...pages, tags: ({ query }) => pageTags(authorOf(query)) } },
      schema: {
        tags: ['books'],
        summary: 'Books, all or those that match, a page at a time',
        querystring: ListQuery,
        response: { 200: BookPage, 304: NotModified, ...problemAnswers(400, 503) },
      },
    },
    async ({ query }) => catalog.page(query),
  )

  app.get(
    '/authors/:author/books',
    {
      config: { cache: { ...pages, tags: ({ params }) => pageTags(authorOf(params)) } },
      schema: {
        tags: ['books'],
        summary: 'The books of an author, a page at a time',
        params: AuthorParams,
        querystring: AuthorQuery,
        response: { 200: BookPage, 304: NotModified, ...problemAnswers(400, 503) },
      },
    },
    async ({ params: { author }, query }) => catalog.page({ author, ...query }),
  )

  app.get(
    '/books/:id/source',
    {
      schema: {
        tags: ['books'],
        summary: 'The row of the file that a book was imported from, cell by cell, as it was',
        params: BookParams,
        response: { 200: SourceRow, ...problemAnswers(400, 404, 503) },
      },
    },
    async ({ params: { id } }) => {
      const row = await catalog.sourceRow(id)
      if (!row) throw bookNotFound(`${id} that was imported`)
      return row
    },
  )
}

/** Weak: the same version of a book may be written in two ways, by two releases. */
const etagOf = ({ id, version }: Book) => `W/"${id}-${version}"`

/** The author that a page is of, if it is. */
const authorOf = (asked: unknown): string | undefined =>
  typeof asked === 'object' && asked !== null && 'author' in asked && typeof asked.author === 'string'
    ? asked.author
    : undefined
