import type { Generated, Selectable } from 'kysely'
import type { OrderState } from '../orders/order.ts'

/** The tables of orders, as Kysely types them. Migrations are the truth; this follows them. */
export interface OrdersDatabase {
  orders: OrdersTable
  order_items: OrderItemsTable
  order_history: OrderHistoryTable
  stock: StockTable
}

interface OrdersTable {
  id: Generated<number>
  user_id: string
  /** Unique among the orders of its user: who sends it again gets this order. */
  idempotency_key: string
  /** Of the body that the key came with first. */
  fingerprint: string
  state: Generated<OrderState>
  placed_at: Generated<Date>
  updated_at: Generated<Date>
  /** The same for every attempt to announce the order, so that it counts once. */
  event_id: Generated<string>
  /** When it may be announced next. */
  announce_after: Generated<Date>
  announce_attempts: Generated<number>
}

interface OrderItemsTable {
  order_id: number
  book_id: number
  /** As it was when the order was placed. */
  title: string
  quantity: number
}

interface OrderHistoryTable {
  id: Generated<number>
  order_id: number
  state: OrderState
  at: Generated<Date>
  actor: string
  replica: string
  fence: number | null
}

interface StockTable {
  book_id: number
  available: number
  updated_at: Generated<Date>
}

export type OrderRow = Selectable<OrdersTable>
