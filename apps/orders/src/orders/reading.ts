import type { Kysely } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import type { HistoryEntry, Order, OrderPage } from './order.ts'
import { ORDER_COLUMNS, withItems } from './rows.ts'

type Queries = Kysely<OrdersDatabase>

export async function findOrder(db: Queries, id: number): Promise<Order | undefined> {
  const rows = await db.selectFrom('orders').select(ORDER_COLUMNS).where('id', '=', id).execute()
  const [order] = await withItems(db, rows)
  return order
}

/** Of a user, the newest first. */
export async function pageOfUser(
  db: Queries,
  user: string,
  { skip, limit }: { skip: number; limit: number },
): Promise<OrderPage> {
  const mine = db.selectFrom('orders').where('user_id', '=', user)
  const [rows, { total }] = await Promise.all([
    mine.select(ORDER_COLUMNS).orderBy('id', 'desc').offset(skip).limit(limit).execute(),
    mine.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow(),
  ])
  return { items: await withItems(db, rows), total, skip, limit }
}

/** What became of an order, in the order of events. */
export async function historyOf(db: Queries, id: number): Promise<HistoryEntry[]> {
  const rows = await db
    .selectFrom('order_history')
    .select(['state', 'at', 'actor', 'replica', 'fence'])
    .where('order_id', '=', id)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }))
}

/** What an idempotency key has led to before. */
export interface Earlier {
  readonly fingerprint: string
  readonly order: Order
}

export async function findByKey(db: Queries, user: string, key: string): Promise<Earlier | undefined> {
  const row = await db
    .selectFrom('orders')
    .select([...ORDER_COLUMNS, 'fingerprint'])
    .where('user_id', '=', user)
    .where('idempotency_key', '=', key)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const [order] = await withItems(db, [row])
  return order && { fingerprint: row.fingerprint, order }
}

/** The oldest that nobody has processed, up to a number of them. */
export async function oldestPlaced(db: Queries, limit: number): Promise<number[]> {
  const rows = await db
    .selectFrom('orders')
    .select('id')
    .where('state', '=', 'placed')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}
