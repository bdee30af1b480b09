import { LoadTimeoutError } from '@lockstep/cache'
import { LockTimeoutError } from '@lockstep/coordination'
import { ProblemError } from '@lockstep/fastify'
import { faultOf } from '@lockstep/postgres'
import type { OrderState } from './orders/order.ts'
import { ShopAwayError } from './shop/away.ts'
import type { Short } from './stock/repository.ts'

/** Seconds after which a client may try again when something that orders stand on is away. */
const RETRY_AFTER = 2

export const keyRequired = () =>
  new ProblemError({
    status: 400,
    code: 'IDEMPOTENCY_KEY_REQUIRED',
    title: 'Bad Request',
    detail: 'Send an Idempotency-Key of 1 to 200 visible ASCII characters, another one for each order',
    field: 'headers.idempotency-key',
  })

export const keyReused = () =>
  new ProblemError({
    status: 422,
    code: 'IDEMPOTENCY_KEY_REUSED',
    title: 'Unprocessable Content',
    detail: 'This Idempotency-Key came with another order before',
    field: 'headers.idempotency-key',
  })

export const bookTwice = (bookId: number) =>
  new ProblemError({
    status: 400,
    code: 'BOOK_TWICE',
    title: 'Bad Request',
    detail: `Book ${bookId} is named twice: add up the quantities`,
    field: 'body.items',
  })

export const bookUnknown = (bookId: number) =>
  new ProblemError({
    status: 422,
    code: 'BOOK_UNKNOWN',
    title: 'Unprocessable Content',
    detail: `There is no book ${bookId}`,
    field: 'body.items',
  })

export const bookNotFound = (bookId: number) =>
  new ProblemError({
    status: 404,
    code: 'BOOK_NOT_FOUND',
    title: 'Not Found',
    detail: `There is no book ${bookId}`,
  })

export const outOfStock = ({ bookId, available }: Short) =>
  new ProblemError({
    status: 409,
    code: 'OUT_OF_STOCK',
    title: 'Conflict',
    detail: `Of book ${bookId} only ${available} can be ordered`,
    field: 'body.items',
  })

/** Also of an order that is somebody else's: whether it exists is nobody's business. */
export const orderNotFound = (id: number) =>
  new ProblemError({
    status: 404,
    code: 'ORDER_NOT_FOUND',
    title: 'Not Found',
    detail: `You have no order ${id}`,
  })

export const orderNotPlaced = (id: number, state: OrderState) =>
  new ProblemError({
    status: 409,
    code: 'ORDER_NOT_PLACED',
    title: 'Conflict',
    detail: `Order ${id} is ${state} already`,
  })

export const orderBusy = (cause?: unknown) =>
  new ProblemError({
    status: 409,
    code: 'ORDER_BUSY',
    title: 'Conflict',
    detail: 'Somebody else is at this order',
    retryAfter: RETRY_AFTER,
    cause,
  })

/** What a client is told of a fault in what orders stand on. */
export function translate(error: unknown): ProblemError | undefined {
  if (error instanceof ShopAwayError) return shopAway(error)
  if (error instanceof LockTimeoutError)
    return error.cause === undefined ? orderBusy(error) : locksAway(error)
  const away = error instanceof LoadTimeoutError || faultOf(error).kind === 'unavailable'
  return away ? databaseAway(error) : undefined
}

const shopAway = (cause: ShopAwayError) =>
  new ProblemError({
    status: 503,
    code: 'SHOP_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: `${cause.message}; nothing was ordered`,
    retryAfter: RETRY_AFTER,
    cause,
  })

const locksAway = (cause: LockTimeoutError) =>
  new ProblemError({
    status: 503,
    code: 'LOCKS_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'The locks of orders do not answer; orders wait to be processed',
    retryAfter: RETRY_AFTER,
    cause,
  })

const databaseAway = (cause: unknown) =>
  new ProblemError({
    status: 503,
    code: 'DATABASE_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'The database does not answer; with the same Idempotency-Key an order can safely be sent again',
    retryAfter: RETRY_AFTER,
    cause,
  })
