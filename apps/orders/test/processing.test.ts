import process from 'node:process'
import { until } from '@lockstep/testing'
import { sql } from 'kysely'
import { test } from 'tap'
import { items, openRig, type Rig } from './fixtures/rig.ts'

const LEASE = '2s'

/** How often each order came into a state. */
async function entries({ database }: Rig, state: string) {
  const { rows } = await sql<{ order_id: number; times: number; fences: number }>`
    select order_id, count(*) as times, count(distinct fence) as fences
    from order_history where state = ${state} group by order_id order by order_id`.execute(database.db)
  return rows
}

async function inState({ database }: Rig, ...states: string[]): Promise<number> {
  const { rows } = await sql<{ orders: number }>`
    select count(*) as orders from orders where state = any(${states})`.execute(database.db)
  return rows[0]?.orders ?? 0
}

await test('processing orders on three replicas', async (t) => {
  const rig = await openRig(t)
  const env = {
    ORDERS_LOCK_TTL: LEASE,
    // So long is a silent activity waited for, and a catalogue on a machine that is busy.
    SHOP_TIMEOUT: '5s',
    ANNOUNCE_RETRY: '100ms',
    ANNOUNCE_RETRY_MAX: '500ms',
  }
  const [one, two, three] = await Promise.all(
    ['orders-1', 'orders-2', 'orders-3'].map((id) => rig.replica(id, env)),
  )
  if (!one || !two || !three) throw new Error('there are three replicas')
  const ana = await rig.tokenOf('1')
  const place = async (key: string, bookId: number): Promise<number> => {
    const { status, body } = await one.call('POST', '/orders', { token: ana, key, body: items([bookId, 1]) })
    if (status !== 201) throw new Error(JSON.stringify(body))
    return body.id
  }

  await t.test(
    'S4 each order is processed once, though a holder is stopped past its lease and another killed',
    async (t) => {
      // All three are held inside of the processing of some orders each.
      const release = await rig.hold(sql`lock table lockstep_fences in exclusive mode`)
      const placed = await Promise.all(Array.from({ length: 24 }, (_, n) => place(`many-${n}`, 1 + n)))
      await Promise.all([one, two, three].map(({ id }) => rig.waitsForLock(id)))
      process.kill(two.pid, 'SIGSTOP')
      await three.kill()
      await release()

      await rig.waitsForLock('orders-1')
      t.pass('the lease of the stopped one is over: another has its lock, and waits for what it has written')
      process.kill(two.pid, 'SIGCONT')
      await until('all are completed', async () => (await inState(rig, 'completed')) === 24, 60_000)

      const once = placed.toSorted((a, b) => a - b).map((order_id) => ({ order_id, times: 1, fences: 1 }))
      t.same(await entries(rig, 'processed'), once)
      t.same(
        (await entries(rig, 'completed')).map(({ times }) => times),
        once.map(() => 1),
      )
      const { rows } = await sql<{ replica: string }>`
        select distinct replica from order_history where state = 'processed'`.execute(rig.database.db)
      t.ok(
        rows.every(({ replica }) => replica !== 'orders-3'),
        'the dead one has left nothing',
      )
      const announced = Map.groupBy(rig.shop.events, ({ orderId }) => Number(orderId))
      t.same(
        [...announced.keys()].toSorted((a, b) => a - b),
        once.map(({ order_id }) => order_id),
      )
      for (const events of announced.values()) t.equal(new Set(events.map(({ id }) => id)).size, 1)
    },
  )

  await t.test(
    'A4 an order that is cancelled while workers take it is either, and its stock is right',
    async (t) => {
      const orders = 20
      const raced = await Promise.all(
        Array.from({ length: orders }, async (_, n) => {
          const id = await place(`race-${n}`, 900)
          const { status, body } = await two.call('POST', `/orders/${id}/cancel`, { token: ana })
          return { id, status, body }
        }),
      )
      await until('none is under way', async () => (await inState(rig, 'placed', 'processed')) === 0, 60_000)
      const cancelled = raced.filter(({ status }) => status === 200)
      for (const { status, body } of raced)
        if (status !== 200) t.match({ status, body }, { status: 409, body: { code: 'ORDER_NOT_PLACED' } })
      for (const { id, status } of raced) {
        const { body } = await two.call('GET', `/orders/${id}`, { token: ana })
        t.equal(body.state, status === 200 ? 'cancelled' : 'completed')
      }
      const { rows } = await sql<{
        available: number
      }>`select available from stock where book_id = 900`.execute(rig.database.db)
      t.same(rows, [{ available: 100 - orders + cancelled.length }])
    },
  )

  await t.test(
    'A4 what activity does not acknowledge is announced again, as the same event, until it does',
    async (t) => {
      const { shop } = rig
      shop.events.length = 0
      shop.activity = 'failing'
      const id = await place('announced', 5)
      const attempts = () => shop.events.filter(({ orderId }) => orderId === String(id))
      await until('it was tried three times', () => attempts().length >= 3, 60_000)
      shop.activity = 'silent'
      const before = attempts().length
      await until('it was tried while activity is silent', () => attempts().length > before, 60_000)
      t.match(await one.call('GET', `/orders/${id}`, { token: ana }), { body: { state: 'processed' } })
      shop.activity = 'up'
      const completed = async () =>
        (await one.call('GET', `/orders/${id}`, { token: ana })).body.state === 'completed'
      await until('it is completed', completed, 60_000)

      t.equal(new Set(attempts().map((event) => event.id)).size, 1)
      t.match(attempts().at(-1), {
        type: 'order.completed',
        user: '1',
        items: [{ bookId: 5, title: 'Book 5', quantity: 1 }],
        acknowledged: true,
        authorization: /^Bearer ey/,
      })
      const { body } = await two.call('GET', `/orders/${id}/history`, { token: ana })
      t.match(body.items, [
        { state: 'placed', actor: '1', replica: 'orders-1', fence: null },
        { state: 'processed', actor: 'worker', replica: /^orders-[12]$/, fence: Number },
        { state: 'completed', actor: 'worker', replica: /^orders-[12]$/, fence: null },
      ])
      t.equal(body.items.length, 3)
    },
  )

  await t.test('P4 a replica that is told to stop ends in good order', async (t) => {
    t.match(await two.stop(), { code: 0 })
  })
})
