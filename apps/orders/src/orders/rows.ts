import type { Kysely } from 'kysely'
import type { OrderRow, OrdersDatabase } from '../database/schema.ts'
import type { Item, Order } from './order.ts'

export const ORDER_COLUMNS = ['id', 'user_id', 'state', 'placed_at', 'updated_at'] as const

type Row = Pick<OrderRow, (typeof ORDER_COLUMNS)[number]>

/** Orders of their rows, with what is in them: one query for all. */
export async function withItems(db: Kysely<OrdersDatabase>, rows: readonly Row[]): Promise<Order[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const found = await db
    .selectFrom('order_items')
    .select(['order_id', 'book_id', 'title', 'quantity'])
    .where('order_id', 'in', ids)
    .orderBy('book_id')
    .execute()
  const items = Map.groupBy(found, ({ order_id }) => order_id)
  return rows.map((row) => toOrder(row, (items.get(row.id) ?? []).map(toItem)))
}

const toItem = (row: { book_id: number; title: string; quantity: number }): Item => ({
  bookId: row.book_id,
  title: row.title,
  quantity: row.quantity,
})

const toOrder = (row: Row, items: Item[]): Order => ({
  id: row.id,
  user: row.user_id,
  state: row.state,
  items,
  placedAt: row.placed_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
})
