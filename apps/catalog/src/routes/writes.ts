import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemAnswers, tellWrite } from '@lockstep/fastify'
import { Type } from 'typebox'
import { Book, BookChange, NewBook } from '../books/book.ts'
import type { Catalog } from '../books/catalog.ts'
import { bookNotFound, versionConflict } from '../problems.ts'
import { BookParams, DeleteQuery } from './schemas.ts'
import type { WriterConfig } from './writers.ts'

/**
 * Writing the catalogue. When an answer arrives, Redis has evicted what the write made stale, and told every replica; or
 * Redis does not answer this replica, and the eviction is sent as soon as it does. The answer's `Lockstep-Write` makes
 * reads that carry it see the write on every replica, whatever happens.
 */
export const writeRoutes: FastifyPluginAsyncTypebox<{ catalog: Catalog; writer: WriterConfig }> = async (
  app,
  { catalog, writer },
) => {
  app.post(
    '/books',
    {
      ...writer.route,
      schema: {
        tags: ['books'],
        summary: 'Adds a book',
        body: NewBook,
        response: { 201: Book, ...problemAnswers(400, ...writer.refusals, 409, 503) },
      },
    },
    async ({ body }, reply) => {
      const { result: book, written } = await catalog.create(body)
      tellWrite(reply, ...written)
      return reply.code(201).header('location', `/books/${book.id}`).send(book)
    },
  )

  app.patch(
    '/books/:id',
    {
      ...writer.route,
      schema: {
        tags: ['books'],
        summary: 'Changes a book, if it is still at the version that the change was made against',
        params: BookParams,
        body: BookChange,
        response: { 200: Book, ...problemAnswers(400, ...writer.refusals, 404, 409, 503) },
      },
    },
    async ({ params: { id }, body }, reply) => {
      const { result: changed, written } = await catalog.change(id, body)
      tellWrite(reply, ...written)
      if (changed.kind === 'absent') throw bookNotFound(String(id))
      if (changed.kind === 'conflict') throw versionConflict(id, body.version, changed.current)
      return changed.book
    },
  )

  app.delete(
    '/books/:id',
    {
      ...writer.route,
      schema: {
        tags: ['books'],
        summary: 'Deletes a book',
        params: BookParams,
        querystring: DeleteQuery,
        response: { 204: Type.Null(), ...problemAnswers(400, ...writer.refusals, 404, 409, 503) },
      },
    },
    async ({ params: { id }, query: { version } }, reply) => {
      const { result: deleted, written } = await catalog.remove(id, version)
      tellWrite(reply, ...written)
      if (deleted.kind === 'absent') throw bookNotFound(String(id))
      if (deleted.kind === 'conflict') throw versionConflict(id, version ?? 0, deleted.current)
      return reply.code(204).send(null)
    },
  )
}
