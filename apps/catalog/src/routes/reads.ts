import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { cacheStatus } from '@lockstep/fastify'
import { Type } from 'typebox'
import { Book, BookPage } from '../books/book.ts'
import type { Catalog } from '../books/catalog.ts'
import { parseIsbn } from '../books/isbn.ts'
import { bookNotFound } from '../problems.ts'
import { AuthorParams, AuthorQuery, BookParams, IsbnParams, ListQuery, problems } from './schemas.ts'

const SourceRow = Type.Record(Type.String(), Type.String())

/** Reading the catalogue. Every answer that may come from a cache says where it came from. */
export const readRoutes: FastifyPluginAsyncTypebox<{ catalog: Catalog }> = async (app, { catalog }) => {
  app.get(
    '/books/:id',
    {
      schema: {
        tags: ['books'],
        summary: 'A book by its id',
        params: BookParams,
        response: { 200: Book, ...problems(400, 404, 503) },
      },
    },
    async ({ params: { id } }, reply) => {
      const reading = await catalog.book(id)
      reply.header('cache-status', cacheStatus(reading))
      if (!reading.value) throw bookNotFound(String(id))
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
        response: { 200: Book, ...problems(400, 404, 503) },
      },
    },
    async ({ params }, reply) => {
      const isbn = parseIsbn(params.isbn)
      const reading = isbn && (await catalog.bookByIsbn(isbn))
      if (!reading?.value) throw bookNotFound(`with the ISBN ${params.isbn}`)
      reply.header('cache-status', cacheStatus(reading))
      return reading.value
    },
  )

  app.get(
    '/books',
    {
      schema: {
        tags: ['books'],
        summary: 'Books, all or those that match, a page at a time',
        querystring: ListQuery,
        response: { 200: BookPage, ...problems(400, 503) },
      },
    },
    async ({ query }, reply) => {
      const reading = await catalog.page(query)
      reply.header('cache-status', cacheStatus(reading))
      return reading.value
    },
  )

  app.get(
    '/authors/:author/books',
    {
      schema: {
        tags: ['books'],
        summary: 'The books of an author, a page at a time',
        params: AuthorParams,
        querystring: AuthorQuery,
        response: { 200: BookPage, ...problems(400, 503) },
      },
    },
    async ({ params: { author }, query }, reply) => {
      const reading = await catalog.page({ author, ...query })
      reply.header('cache-status', cacheStatus(reading))
      return reading.value
    },
  )

  app.get(
    '/books/:id/source',
    {
      schema: {
        tags: ['books'],
        summary: 'The row of the file that a book was imported from, cell by cell, as it was',
        params: BookParams,
        response: { 200: SourceRow, ...problems(400, 404, 503) },
      },
    },
    async ({ params: { id } }) => {
      const row = await catalog.sourceRow(id)
      if (!row) throw bookNotFound(`${id} that was imported`)
      return row
    },
  )
}
