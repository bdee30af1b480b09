import Type, { type Static } from 'typebox'

/** The greatest id: orders and books are numbered by a Postgres `integer`. */
export const MAX_ID = 2_147_483_647

const BookId = Type.Integer({ minimum: 1, maximum: MAX_ID })

/** What a client asks for. */
export const Wanted = Type.Object(
  { bookId: BookId, quantity: Type.Integer({ minimum: 1, maximum: 100 }) },
  { additionalProperties: false },
)
export type Wanted = Static<typeof Wanted>

export const NewOrder = Type.Object(
  { items: Type.Array(Wanted, { minItems: 1, maxItems: 50, description: 'Each book once' }) },
  { additionalProperties: false },
)

/** What is in an order; the title is that of the day on which it was placed. */
export const Item = Type.Object({ bookId: BookId, title: Type.String(), quantity: Type.Integer() })
export type Item = Static<typeof Item>

/** `placed` is processed once and then announced, or cancelled before that. */
export const OrderState = Type.Enum(['placed', 'processed', 'completed', 'cancelled'])
export type OrderState = Static<typeof OrderState>

export const Order = Type.Object({
  id: Type.Integer(),
  user: Type.String(),
  state: OrderState,
  items: Type.Array(Item),
  placedAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
})
export type Order = Static<typeof Order>

/** The newest first. */
export const OrderPage = Type.Object({
  items: Type.Array(Order),
  total: Type.Integer({ description: 'Over all pages' }),
  skip: Type.Integer(),
  limit: Type.Integer(),
})
export type OrderPage = Static<typeof OrderPage>

/** How an order came into a state, and by whom. */
export const HistoryEntry = Type.Object({
  state: OrderState,
  at: Type.String({ format: 'date-time' }),
  actor: Type.String({ description: 'A user, or `worker`' }),
  replica: Type.String({ description: 'The process that wrote it' }),
  fence: Type.Union([Type.Integer(), Type.Null()], { description: 'Of the lock under which it was written' }),
})
export type HistoryEntry = Static<typeof HistoryEntry>

export const History = Type.Object({ items: Type.Array(HistoryEntry) })
