import { execFile } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLocks } from '@lockstep/coordination'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { freePort } from '@lockstep/servers'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { sql } from 'kysely'
import { test } from 'tap'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { ADMIN, callOf, items, openRig } from './fixtures/rig.ts'
import { LAST_BOOK } from './fixtures/shop.ts'

const prepare = fileURLToPath(new URL('../src/prepare.ts', import.meta.url))

/** A replica in this process; it listens, so its worker is at work. */
async function listen(t: Teardown, env: Record<string, string>) {
  const app = createApp(readConfig({ SERVICE_ID: 'orders-test', ...env }))
  t.teardown(() => app.close())
  const call = callOf(await app.listen({ host: '127.0.0.1', port: 0 }))
  return { app, call }
}

await test('orders on a real Redis and a real Postgres', async (t) => {
  const rig = await openRig(t)
  const { shop } = rig
  const { call } = await listen(t, { ...rig.env, LOG_LEVEL: 'silent', SHOP_TIMEOUT: '3s' })
  const redisBack = () => testRedis(t, rig.redis.port)
  let ana = await rig.tokenOf('1')
  const eva = await rig.tokenOf('2')
  const stateOf = async (id: number) => (await call('GET', `/orders/${id}`, { token: ana })).body.state
  const place = (key: string, ...wanted: [number, number][]) =>
    call('POST', '/orders', { token: ana, key, body: items(...wanted) })
  await until('it is healthy', async () => (await call('GET', '/health')).body.status === 'healthy', 60_000)

  await t.test('A4 an order is placed, processed, announced, and read', async (t) => {
    const placed = await place('first', [1, 2])
    t.match(placed, {
      status: 201,
      body: { user: '1', items: [{ bookId: 1, title: 'Book 1', quantity: 2 }] },
    })
    const { id } = placed.body
    await until('it is completed', async () => (await stateOf(id)) === 'completed', 60_000)
    t.match(await place('first', [1, 2]), { status: 200, body: { id, state: 'completed' } }, 'as it is now')
    t.match(await call('POST', `/orders/${id}/process`, { token: ADMIN }), {
      status: 200,
      body: { state: 'completed' },
    })
    t.match(await call('POST', `/orders/${id}/cancel`, { token: ana }), {
      status: 409,
      body: { code: 'ORDER_NOT_PLACED' },
    })
    const history = await call('GET', `/orders/${id}/history`, { token: ana })
    t.same(
      history.body.items.map(({ state }: { state: string }) => state),
      ['placed', 'processed', 'completed'],
    )
    const second = await place('second', [2, 1])
    const page = await call('GET', '/orders?limit=1', { token: ana })
    t.match(page.body, { total: 2, limit: 1, items: [{ id: second.body.id }] }, 'the newest first')
  })

  await t.test('S4 S3 an order whose lock somebody else has is left to him, and others go on', async (t) => {
    const link = openRedis(readSettings(RedisSettings, rig.env), 'tests', recordingLogger())
    const locks = createLocks({ redis: link, prefix: 'shop', logger: recordingLogger() })
    t.teardown(async () => {
      await locks.close()
      await link.close()
    })
    const { rows } = await sql<{ id: number }>`
      select nextval(pg_get_serial_sequence('orders', 'id')) + 1 as id`.execute(rig.database.db)
    const lock = await locks.acquire(`order:${rows[0]?.id}`, { ttl: '1m', wait: '1m' })
    const locked = (await place('locked', [1, 1])).body.id
    t.equal(locked, rows[0]?.id)
    const next = (await place('next', [1, 1])).body.id
    await until('the next is completed', async () => (await stateOf(next)) === 'completed', 60_000)
    t.equal(await stateOf(locked), 'placed')
    const byHand = await call('POST', `/orders/${locked}/process`, { token: ADMIN })
    t.match(byHand, { status: 409, body: { code: 'ORDER_BUSY' } })
    await lock.release()
    await until('it is completed', async () => (await stateOf(locked)) === 'completed', 60_000)
    const { body } = await call('GET', `/orders/${locked}/history`, { token: ana })
    t.ok(body.items[1].fence > lock.fence)
  })

  await t.test("A4 another user's order is not there, whether or not it is", async (t) => {
    const { id } = (await place('mine', [1, 1])).body
    for (const [method, path] of [
      ['GET', `/orders/${id}`],
      ['GET', `/orders/${id}/history`],
      ['POST', `/orders/${id}/cancel`],
    ] as const) {
      const others = await call(method, path, { token: eva })
      const nobodys = await call(method, path.replace(String(id), '999999'), { token: eva })
      t.match(others, { status: 404, body: { code: 'ORDER_NOT_FOUND' } }, path)
      t.equal(others.body.detail.replace(String(id), '999999'), nobodys.body.detail)
      t.match(await call(method, path), { status: 401, body: { code: 'CALLER_REQUIRED' } })
    }
    t.match((await call('GET', '/orders', { token: eva })).body, { total: 0, items: [] })
    t.match(await call('GET', `/orders/${id}`, { token: ADMIN }), { status: 200 }, 'an admin sees it')
    const admin = await rig.tokenOf('9', ['admin'])
    t.match(await call('GET', `/orders/${id}`, { token: admin }), { status: 200 })
  })

  await t.test('A4 what only admins may', async (t) => {
    const { id } = (await place('mine', [1, 1])).body
    const set = (token?: string) =>
      call('PUT', '/stock/3', { ...(token ? { token } : {}), body: { available: 7 } })
    t.match(await set(), { status: 401 })
    t.match(await set(ana), { status: 403, body: { code: 'FORBIDDEN' } })
    t.match(await call('POST', `/orders/${id}/process`, { token: ana }), { status: 403 })
    t.match(await set(ADMIN), { status: 200, body: { bookId: 3, available: 7 } })
    t.match(await call('GET', '/stock/3'), { status: 200, body: { available: 7 } }, 'anybody may see it')
    t.match(await call('PUT', `/stock/${LAST_BOOK + 9}`, { token: ADMIN, body: { available: 7 } }), {
      status: 404,
      body: { code: 'BOOK_NOT_FOUND' },
    })
  })

  await t.test('what is wrong with a request is said, with the field', async (t) => {
    const wrong: [key: string | undefined, body: object, status: number, code: string][] = [
      [undefined, items([1, 1]), 400, 'IDEMPOTENCY_KEY_REQUIRED'],
      ['', items([1, 1]), 400, 'IDEMPOTENCY_KEY_REQUIRED'],
      ['a b', items([1, 1]), 400, 'IDEMPOTENCY_KEY_REQUIRED'],
      ['x'.repeat(201), items([1, 1]), 400, 'IDEMPOTENCY_KEY_REQUIRED'],
      ['k', items([1, 1], [1, 2]), 400, 'BOOK_TWICE'],
      ['k', items([1, 1], [LAST_BOOK + 1, 1]), 422, 'BOOK_UNKNOWN'],
      ['k', items([1, 0]), 400, 'VALIDATION_FAILED'],
      ['k', items([1, 101]), 400, 'VALIDATION_FAILED'],
      ['k', items([1, 1.5]), 400, 'VALIDATION_FAILED'],
      ['k', items([0, 1]), 400, 'VALIDATION_FAILED'],
      ['k', items([2 ** 31, 1]), 400, 'VALIDATION_FAILED'],
      ['k', items(), 400, 'VALIDATION_FAILED'],
      [
        'k',
        items(...Array.from({ length: 51 }, (_, n): [number, number] => [n + 1, 1])),
        400,
        'VALIDATION_FAILED',
      ],
      ['k', { items: [{ bookId: 1, quantity: '1' }] }, 400, 'VALIDATION_FAILED'],
      ['k', { ...items([1, 1]), user: '2' }, 400, 'VALIDATION_FAILED'],
    ]
    for (const [key, body, status, code] of wrong) {
      const answer = await call('POST', '/orders', {
        token: ana,
        ...(key === undefined ? {} : { key }),
        body,
      })
      t.match(
        answer,
        { status, body: { code, errors: [{ field: String }] } },
        `${key} ${JSON.stringify(body)}`,
      )
    }
    for (const path of [
      '/orders/0',
      '/orders/x',
      '/orders/99999999999',
      '/orders?limit=101',
      '/orders?skip=-1',
    ])
      t.match(await call('GET', path, { token: ana }), { status: 400 }, path)
    t.match(await call('GET', `/stock/${LAST_BOOK + 1}`), { status: 404, body: { code: 'BOOK_NOT_FOUND' } })
  })

  await t.test(
    'C3 the catalogue is away: known books can be ordered, others get a 503 that names it',
    async (t) => {
      await place('before', [60, 1])
      for (const mood of ['failing', 'silent'] as const) {
        shop.catalog = mood
        const away = await place(`away-${mood}`, [60, 1], [61, 1])
        t.match(away, { status: 503, body: { code: 'SHOP_UNAVAILABLE', detail: /catalog service/ } })
        t.equal(away.headers.get('retry-after'), '2')
        const known = async () => (await place(`known-${mood}`, [60, 1])).status < 300
        await until('a book that is known can be ordered', known, 60_000)
        t.match(await place('before', [60, 1]), { status: 200 }, 'a repeat needs no catalogue')
      }
      shop.catalog = 'up'
      t.match(await place('away-silent', [60, 1], [61, 1]), { status: 201 }, 'the key was not used up')
    },
  )

  await t.test(
    'C3 S4 Redis is away: orders are placed, and wait; with Redis they are processed',
    async (t) => {
      await place('warm', [70, 1])
      await rig.redis.kill()
      const placed = await place('no-redis', [70, 1])
      t.match(placed, { status: 201, body: { state: 'placed' } })
      const { id } = placed.body
      t.match(await place('no-redis', [70, 1]), { status: 200, body: { id } })
      t.match(await call('GET', '/stock/70'), { status: 200, body: { available: 98 } })
      const byHand = await call('POST', `/orders/${id}/process`, { token: ADMIN })
      t.match(byHand, { status: 503, body: { code: 'LOCKS_UNAVAILABLE' } })
      t.equal(byHand.headers.get('retry-after'), '2')
      t.match(await call('GET', '/health'), { status: 200, body: { status: 'degraded' } })
      t.equal(await stateOf(id), 'placed')
      await redisBack()
      // It came back empty, so everybody is logged out.
      ana = await rig.tokenOf('1')
      await until('it is completed', async () => (await stateOf(id)) === 'completed', 60_000)
    },
  )

  await t.test('a database that is ready is left as it is by the next start', async (t) => {
    const { stdout } = await promisify(execFile)(process.execPath, [prepare], {
      env: { ...process.env, ...rig.env },
    })
    t.same(JSON.parse(stdout), { migrations: 0 })
  })

  await t.test('the OpenAPI document has the routes, with their answers', async (t) => {
    const { body } = await call('GET', '/docs/json')
    t.match(Object.keys(body.paths['/orders'].post.responses).toSorted(), [
      '200',
      '201',
      '400',
      '401',
      '409',
      '422',
      '429',
      '503',
    ])
    t.match(body.paths['/orders'].post.parameters, [{ name: 'idempotency-key', in: 'header' }])
  })

  await t.test('C3 Postgres is away: stock that is cached is shown, the rest is 503', async (t) => {
    const inMemory = async () =>
      (await call('GET', '/stock/70')).headers.get('cache-status')?.startsWith('lockstep-l1; hit')
    await until('it is in memory', inMemory)
    await rig.postgres.stop()
    t.match(await call('GET', '/stock/70'), { status: 200, body: { available: 98 } })
    for (const away of [
      await place('away', [70, 1]),
      await call('GET', '/orders', { token: ana }),
      await call('GET', '/orders/1', { token: ana }),
      await call('GET', '/stock/999'),
    ]) {
      t.match(away, { status: 503, body: { code: 'DATABASE_UNAVAILABLE' } })
      t.equal(away.headers.get('retry-after'), '2')
      t.notMatch(JSON.stringify(away.body), /127\.0\.0\.1|node_modules/)
    }
    t.match(await call('GET', '/readyz'), { status: 200 })
  })
})

await test('C3 it starts without Redis and without Postgres, and says 503 for data', async (t) => {
  const nobody = await freePort()
  const { call } = await listen(t, {
    LOG_LEVEL: 'silent',
    ADMIN_TOKEN: ADMIN,
    DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${nobody}/db`,
    REDIS_URL: `redis://:hunter2@127.0.0.1:${nobody}`,
  })
  t.match(await call('GET', '/livez'), { status: 200 })
  const health = await call('GET', '/health')
  t.match(health, { status: 503, body: { status: 'unhealthy' } })
  t.match(await call('GET', '/orders', { token: ADMIN }), {
    status: 503,
    body: { code: 'DATABASE_UNAVAILABLE' },
  })
  t.notMatch(JSON.stringify(health.body), /hunter2/)
})

await test('C2 settings that cannot be used are named, all at once', async (t) => {
  t.throws(() => readConfig({ ORDERS_CONCURRENCY: '-1', SHOP_URL: 'gopher://x' }), {
    code: 'LOCKSTEP_SETTINGS_INVALID',
    message: /(?=[\s\S]*DATABASE_URL)(?=[\s\S]*ORDERS_CONCURRENCY)(?=[\s\S]*SHOP_URL)/,
  })
})
