import { Type } from 'typebox'
import { MAX_ID } from '../orders/order.ts'

export const OrderParams = Type.Object({ id: Type.Integer({ minimum: 1, maximum: MAX_ID }) })
export const StockParams = Type.Object({ bookId: Type.Integer({ minimum: 1, maximum: MAX_ID }) })

export const Paging = Type.Object({
  skip: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
})

export const PlaceHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description: 'Required: 1 to 200 visible ASCII characters, another one for each order of a user',
    }),
  ),
})
