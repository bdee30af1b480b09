import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Caller, mayAct, problemAnswers, requireCaller, tellWrite } from '@lockstep/fastify'
import { History, NewOrder, Order, OrderPage } from '../orders/order.ts'
import type { Orders } from '../orders/orders.ts'
import {
  bookTwice,
  bookUnknown,
  keyRequired,
  keyReused,
  orderBusy,
  orderNotFound,
  orderNotPlaced,
  outOfStock,
} from '../problems.ts'
import type { Processor } from '../processing/processor.ts'
import { OrderParams, Paging, PlaceHeaders } from './schemas.ts'

/** Orders of the caller; an admin sees and cancels those of all. Whose order it is not, does not learn that it exists. */
export const orderRoutes: FastifyPluginAsyncTypebox<{ orders: Orders; processor: Processor }> = async (
  app,
  { orders, processor },
) => {
  app.post(
    '/orders',
    {
      config: { caller: 'required' },
      schema: {
        tags: ['orders'],
        summary: 'Places an order; the same Idempotency-Key again gives the same order',
        headers: PlaceHeaders,
        body: NewOrder,
        response: { 201: Order, 200: Order, ...problemAnswers(400, 401, 409, 422, 429, 503) },
      },
    },
    async (request, reply) => {
      const { items } = request.body
      const key = keyOf(request.headers['idempotency-key'])
      const twice = items.find(({ bookId }, at) => items.findIndex((item) => item.bookId === bookId) !== at)
      if (twice) throw bookTwice(twice.bookId)
      const { result, written } = await orders.place(requireCaller(request).id, key, items)
      switch (result.kind) {
        case 'unknown-book':
          throw bookUnknown(result.bookId)
        case 'reused':
          throw keyReused()
        case 'out-of-stock':
          throw outOfStock(result.short)
        case 'repeated':
          reply.header('idempotency-replayed', 'true')
          break
        case 'placed':
          tellWrite(reply, ...written)
          reply.code(201).header('location', `/orders/${result.order.id}`)
      }
      return result.order
    },
  )

  app.get(
    '/orders',
    {
      config: { caller: 'required' },
      schema: {
        tags: ['orders'],
        summary: 'The orders of the caller, the newest first',
        querystring: Paging,
        response: { 200: OrderPage, ...problemAnswers(400, 401, 429, 503) },
      },
    },
    async (request) => orders.page(requireCaller(request).id, request.query),
  )

  app.get(
    '/orders/:id',
    {
      config: { caller: 'required' },
      schema: {
        tags: ['orders'],
        summary: 'An order, as it stands now',
        params: OrderParams,
        response: { 200: Order, ...problemAnswers(400, 401, 404, 429, 503) },
      },
    },
    async (request) => orderOf(requireCaller(request), request.params.id),
  )

  app.get(
    '/orders/:id/history',
    {
      config: { caller: 'required' },
      schema: {
        tags: ['orders'],
        summary: 'How an order came to where it stands: who, which process, under which fence',
        params: OrderParams,
        response: { 200: History, ...problemAnswers(400, 401, 404, 429, 503) },
      },
    },
    async (request) => {
      const { id } = await orderOf(requireCaller(request), request.params.id)
      return { items: await orders.history(id) }
    },
  )

  app.post(
    '/orders/:id/cancel',
    {
      config: { caller: 'required' },
      schema: {
        tags: ['orders'],
        summary: 'Cancels an order that is not processed yet, and gives back its stock',
        params: OrderParams,
        response: { 200: Order, ...problemAnswers(400, 401, 404, 409, 429, 503) },
      },
    },
    async (request, reply) => {
      const caller = requireCaller(request)
      const order = await orderOf(caller, request.params.id)
      const { written } = await orders.cancel(order, caller.id)
      tellWrite(reply, ...written)
      const after = await orderOf(caller, order.id)
      if (after.state !== 'cancelled') throw orderNotPlaced(after.id, after.state)
      return after
    },
  )

  app.post(
    '/orders/:id/process',
    {
      config: { caller: 'admin' },
      schema: {
        tags: ['orders'],
        summary: 'Processes an order now, if no worker has',
        params: OrderParams,
        response: { 200: Order, ...problemAnswers(400, 401, 403, 404, 409, 429, 503) },
      },
    },
    async (request) => {
      const caller = requireCaller(request)
      const { id } = await orderOf(caller, request.params.id)
      if ((await processor.process(id, caller.id)) === 'busy') throw orderBusy()
      const after = await orderOf(caller, id)
      if (after.state === 'cancelled') throw orderNotPlaced(id, after.state)
      return after
    },
  )

  async function orderOf(caller: Caller, id: number): Promise<Order> {
    const order = await orders.find(id)
    if (order === undefined || !mayAct(caller, order.user)) throw orderNotFound(id)
    return order
  }
}

/** Names an order of its user for ever: draft-ietf-httpapi-idempotency-key-header. */
function keyOf(given: string | undefined): string {
  if (given === undefined || !/^[!-~]{1,200}$/.test(given)) throw keyRequired()
  return given
}
