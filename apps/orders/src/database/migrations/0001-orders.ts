import { type Kysely, sql } from 'kysely'

/**
 * Orders, what is in them and what became of them, and the stock. The database itself keeps the two promises that matter
 * most: a user's key names one order, and nothing is sold that is not there.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table orders (
      id                integer generated always as identity primary key,
      user_id           text not null,
      idempotency_key   text not null,
      fingerprint       text not null,
      state             text not null default 'placed'
                        check (state in ('placed', 'processed', 'completed', 'cancelled')),
      placed_at         timestamptz not null default now(),
      updated_at        timestamptz not null default now(),
      event_id          uuid not null unique default gen_random_uuid(),
      announce_after    timestamptz not null default now(),
      announce_attempts integer not null default 0,
      unique (user_id, idempotency_key)
    )`.execute(db)
  await sql`create index orders_of_user on orders (user_id, id desc)`.execute(db)
  await sql`create index orders_placed on orders (id) where state = 'placed'`.execute(db)
  await sql`create index orders_to_announce on orders (announce_after) where state = 'processed'`.execute(db)
  await sql`
    create table order_items (
      order_id integer not null references orders (id) on delete cascade,
      book_id  integer not null,
      title    text not null,
      quantity integer not null check (quantity > 0),
      primary key (order_id, book_id)
    )`.execute(db)
  await sql`
    create table order_history (
      id       bigint generated always as identity primary key,
      order_id integer not null references orders (id) on delete cascade,
      state    text not null,
      at       timestamptz not null default now(),
      actor    text not null,
      replica  text not null,
      fence    bigint
    )`.execute(db)
  await sql`create index order_history_of_order on order_history (order_id, id)`.execute(db)
  await sql`
    create table stock (
      book_id    integer primary key,
      available  integer not null check (available >= 0),
      updated_at timestamptz not null default now()
    )`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table stock, order_history, order_items, orders`.execute(db)
}
