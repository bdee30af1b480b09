import { faultProxy, until } from '@lockstep/testing'
import { sql } from 'kysely'
import { test } from 'tap'
import { ADMIN, type Answer, items, openRig } from './fixtures/rig.ts'

/** Replicas that place orders and process none, so that what was placed stays as it was. */
const PLACES_ONLY = { ORDERS_CONCURRENCY: '0' }

const counted = (answers: readonly Answer[]) =>
  Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, of]) => [status, of.length]),
  )

await test('placing orders on two replicas', async (t) => {
  const rig = await openRig(t)
  const [one, two] = await Promise.all([
    rig.replica('orders-1', PLACES_ONLY),
    rig.replica('orders-2', PLACES_ONLY),
  ])
  const replicas = [one, two]
  const ana = await rig.tokenOf('1')
  const ordersOf = async (user: string) =>
    (await rig.database.db.selectFrom('orders').select('id').where('user_id', '=', user).execute()).length

  await t.test('A4 the same key in 20 requests at once over two replicas places one order', async (t) => {
    const body = items([2, 1], [1, 3])
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? one : two).call('POST', '/orders', { token: ana, key: 'same', body }),
      ),
    )
    t.same(counted(answers), { 200: 19, 201: 1 })
    t.equal(new Set(answers.map((answer) => answer.body.id)).size, 1)
    const placed = answers.find(({ status }) => status === 201)
    t.equal(placed?.headers.get('location'), `/orders/${placed?.body.id}`)
    t.equal(placed?.headers.get('idempotency-replayed'), null)
    for (const { status, headers } of answers)
      if (status === 200) t.equal(headers.get('idempotency-replayed'), 'true')
    t.match(placed?.body, {
      user: '1',
      state: 'placed',
      items: [
        { bookId: 1, title: 'Book 1', quantity: 3 },
        { bookId: 2, title: 'Book 2', quantity: 1 },
      ],
    })
    t.equal(await ordersOf('1'), 1)
    t.match(await one.call('GET', '/stock/1'), { body: { available: 97 } }, 'the copies were taken once')
  })

  await t.test(
    'A4 a key that comes with another body is refused; the order of its items does not matter',
    async (t) => {
      const call = (body: object) => two.call('POST', '/orders', { token: ana, key: 'same', body })
      t.match(await call(items([1, 3], [2, 1])), { status: 200 })
      t.match(await call(items([1, 3], [2, 2])), { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } })
      t.match(await call(items([1, 3])), { status: 422 })
      t.equal(await ordersOf('1'), 1)
    },
  )

  await t.test("A4 a key is its user's: another one has an order of his own under it", async (t) => {
    const body = items([3, 1])
    const token = await rig.tokenOf('2')
    const other = await one.call('POST', '/orders', { token, key: 'same', body })
    t.match(other, { status: 201, body: { user: '2' } })
  })

  await t.test('A4 a failure is not remembered: the key may be used again', async (t) => {
    const place = () => one.call('POST', '/orders', { token: ana, key: 'later', body: items([4, 5]) })
    const admin = { token: ADMIN }
    t.match(await one.call('PUT', '/stock/4', { ...admin, body: { available: 4 } }), { status: 200 })
    t.match(await place(), {
      status: 409,
      body: { code: 'OUT_OF_STOCK', detail: 'Of book 4 only 4 can be ordered' },
    })
    t.match(await one.call('GET', '/stock/4'), { body: { available: 4 } }, 'nothing was taken')
    await one.call('PUT', '/stock/4', { ...admin, body: { available: 5 } })
    t.match(await place(), { status: 201 })
  })

  await t.test(
    'A4 40 buyers at once over two replicas get the 10 copies that there are, and no more',
    async (t) => {
      await one.call('PUT', '/stock/7', { token: ADMIN, body: { available: 10 } })
      await one.call('PUT', '/stock/6', { token: ADMIN, body: { available: 100 } })
      const tokens = await Promise.all(Array.from({ length: 40 }, (_, n) => rig.tokenOf(`buyer-${n}`)))
      const answers = await Promise.all(
        tokens.map((token, n) =>
          // Some want another book, too, named first or last: whoever locks in the order of names would wait for ever.
          (n % 2 === 0 ? one : two).call('POST', '/orders', {
            token,
            key: 'one',
            body: n % 3 === 0 ? items([7, 1], [6, 1]) : n % 3 === 1 ? items([6, 1], [7, 1]) : items([7, 1]),
          }),
        ),
      )
      t.same(counted(answers), { 201: 10, 409: 30 })
      const left = await rig.database.db
        .selectFrom('stock')
        .select(['book_id', 'available'])
        .where('book_id', 'in', [6, 7])
        .orderBy('book_id')
        .execute()
      const sixes = answers.filter(({ status }, n) => status === 201 && n % 3 !== 2).length
      t.same(
        left.map(({ available }) => available),
        [100 - sixes, 0],
        'who did not get the one gave back the other',
      )
      for (const { call } of replicas) {
        await until('the replica shows it', async () => (await call('GET', '/stock/7')).body.available === 0)
      }
    },
  )

  await t.test('K13 the stock that a replica shows is never older than what its client wrote', async (t) => {
    await two.call('GET', '/stock/8')
    await until('it is in memory', async () =>
      (await two.call('GET', '/stock/8')).headers.get('cache-status')?.startsWith('lockstep-l1; hit'),
    )
    const placed = await one.call('POST', '/orders', { token: ana, key: 'eight', body: items([8, 1]) })
    t.equal(placed.status, 201)
    const after = { 'lockstep-write': String(placed.headers.get('lockstep-write')) }
    t.match(await two.call('GET', '/stock/8', { headers: after }), { body: { available: 99 } })
    const cancelled = await one.call('POST', `/orders/${placed.body.id}/cancel`, { token: ana })
    t.match(cancelled, { status: 200, body: { state: 'cancelled' } })
    const later = { 'lockstep-write': String(cancelled.headers.get('lockstep-write')) }
    t.match(await two.call('GET', '/stock/8', { headers: later }), { body: { available: 100 } })
  })

  await t.test(
    'A4 a replica that is killed between commit and answer: the same key gives its order',
    async (t) => {
      const proxy = await faultProxy(rig.redis.port)
      t.teardown(() => proxy.close())
      const doomed = await rig.replica('orders-doomed', {
        ...PLACES_ONLY,
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        // It waits for Redis until it is killed.
        REDIS_COMMAND_TIMEOUT: '60s',
        REDIS_HEARTBEAT: '60s',
      })
      await one.call('PUT', '/stock/9', { token: ADMIN, body: { available: 20 } })
      const order = { token: ana, key: 'crash', body: items([9, 2]) }
      // It is held in its transaction, and Redis falls silent meanwhile: it commits, and waits for Redis to evict the stock.
      const release = await rig.hold(sql`select from stock where book_id = 9 for update`)
      const answered = doomed.call('POST', '/orders', order).then(
        () => 'answered',
        () => 'cut off',
      )
      await rig.waitsForLock('orders-doomed')
      proxy.blackHole()
      await release()
      const { id } = await until('the order is there', async () =>
        rig.database.db
          .selectFrom('orders')
          .select('id')
          .where('idempotency_key', '=', 'crash')
          .executeTakeFirst(),
      )
      await doomed.kill()
      t.equal(await answered, 'cut off', 'its client never heard of the order')

      const again = await two.call('POST', '/orders', order)
      t.match(again, { status: 200, body: { id, state: 'placed' } })
      t.equal(again.headers.get('idempotency-replayed'), 'true')
      const { rows } = await sql<{
        available: number
      }>`select available from stock where book_id = 9`.execute(rig.database.db)
      t.same(rows, [{ available: 18 }], 'and its copies were taken once')
    },
  )
})
