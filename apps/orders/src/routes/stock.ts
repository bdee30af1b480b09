import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { cacheStatus, problemAnswers, readAfter, tellWrite } from '@lockstep/fastify'
import { bookNotFound } from '../problems.ts'
import type { Shelf } from '../stock/shelf.ts'
import { Stock, StockChange } from '../stock/stock.ts'
import { StockParams } from './schemas.ts'

/** How many copies of a book there are to be ordered: for everybody to see, for admins to set. */
export const stockRoutes: FastifyPluginAsyncTypebox<{ shelf: Shelf }> = async (app, { shelf }) => {
  app.get(
    '/stock/:bookId',
    {
      schema: {
        tags: ['stock'],
        summary: 'How many copies of a book can be ordered',
        params: StockParams,
        response: { 200: Stock, ...problemAnswers(400, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const { bookId } = request.params
      const reading = await shelf.read(bookId, readAfter(request))
      reply.header('cache-status', cacheStatus(reading))
      if (!reading.value) throw bookNotFound(bookId)
      return reading.value
    },
  )

  app.put(
    '/stock/:bookId',
    {
      config: { caller: 'admin' },
      schema: {
        tags: ['stock'],
        summary: 'Says how many copies of a book can be ordered',
        params: StockParams,
        body: StockChange,
        response: { 200: Stock, ...problemAnswers(400, 401, 403, 404, 429, 503) },
      },
    },
    async ({ params: { bookId }, body: { available } }, reply) => {
      const stock = { bookId, available }
      const written = await shelf.set(stock)
      if (!written) throw bookNotFound(bookId)
      tellWrite(reply, written)
      return stock
    },
  )
}
