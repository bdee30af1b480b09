import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { cacheAdminPlugin } from '../../src/index.ts'
import { openReplica } from './replica.ts'

const token = 'correct-horse-battery'

await test('A2 K11 the admin routes on a real Redis', async (t) => {
  const server = await testRedis(t)
  const replica = openReplica(t, server.url)
  const other = openReplica(t, server.url)
  const { app, cache, redis } = replica
  const books = [replica, other].map(({ cache: own }) =>
    own.define({
      name: 'books',
      version: 1,
      key: (id: number) => id,
      load: async (id) => `book ${id}`,
      ttl: '1m',
    }),
  )
  app.register(cacheAdminPlugin, { cache, token, redis })
  await Promise.all([app.ready(), other.app.ready()])
  await Promise.all([replica.live(), other.live()])
  const call = async (
    method: 'GET' | 'DELETE',
    url: string,
    authorization: string | undefined = `Bearer ${token}`,
  ) => {
    const { statusCode, headers, body } = await app.inject({ method, url, headers: { authorization } })
    return { status: statusCode, headers, text: body, body: JSON.parse(body) }
  }

  await t.test('only with the token', async (t) => {
    for (const given of [
      '',
      'Bearer',
      'Bearer wrong',
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
    ]) {
      for (const [method, url] of [
        ['GET', '/cache/stats'],
        ['DELETE', '/cache/clear?pattern=*'],
      ] as const) {
        const refused = await call(method, url, given)
        t.match(refused, { status: 401, body: { code: 'ADMIN_TOKEN_REQUIRED' } }, `${url} with ${given}`)
        t.match(refused.headers, {
          'www-authenticate': /^Bearer/,
          'content-type': /^application\/problem\+json/,
        })
        t.notMatch(refused.text, token)
      }
    }
  })

  await t.test('what was counted, and what Redis says', async (t) => {
    for (const id of [1, 1, 1]) await books[0]?.get(id)
    await until('it is in Redis', async () => (await books[1]?.inspect(1))?.tier === 'l2')
    await books[1]?.get(1)
    const { status, headers, body } = await call('GET', '/cache/stats')
    t.equal(status, 200)
    t.equal(headers['cache-control'], 'no-store')
    t.match(body, {
      hits: { l1: 2, l2: 0 },
      misses: 1,
      errors: { l2: Number, loads: 0 },
      hitRate: 66.67,
      pending: 0,
      live: true,
      caches: { 'books:v1': { hits: { l1: 2 }, misses: 1, entries: 1, bytes: Number } },
    })
    t.ok(body.redis.usedMemory > 100_000)
    t.ok(body.redis.clients >= 4)
    t.ok(body.redis.keyspaceHits + body.redis.keyspaceMisses > 0)
  })

  await t.test('clearing says how many, reaches the whole fleet, and nothing else', async (t) => {
    for (const id of [1, 2, 30]) await books[1]?.get(id)
    await until('they are in Redis', async () => (await books[0]?.inspect(30))?.tier === 'l2')
    await until('and in the memory of the other', () => books[1]?.peek(30) !== undefined)
    const cleared = await call('DELETE', '/cache/clear?pattern=books:v1:3*')
    t.match(cleared, { status: 200, body: { pattern: 'books:v1:3*', removed: 1, outcome: 'applied' } })
    await until('the other has heard', () => books[1]?.peek(30) === undefined)
    t.equal((await books[0]?.inspect(2))?.tier, 'l2')
    t.match((await call('DELETE', '/cache/clear?pattern=*')).body, { removed: 2 })
    t.equal((await books[0]?.inspect(1))?.tier, 'none')
    for (const wrong of ['', '?pattern=', '?pattern=a%20b', '?pattern=a%00', `?pattern=${'a'.repeat(201)}`]) {
      t.match(
        await call('DELETE', `/cache/clear${wrong}`),
        { status: 400, body: { code: 'VALIDATION_FAILED' } },
        wrong,
      )
    }
  })

  await t.test('without Redis the figures say so', async (t) => {
    await server.kill()
    await until('it is noticed', () => !cache.live)
    t.match((await call('GET', '/cache/stats')).body, {
      live: false,
      redis: { absent: 'Redis does not answer' },
    })
    t.match(await call('DELETE', '/cache/clear?pattern=*'), {
      status: 200,
      body: { outcome: 'pending', removed: 0 },
    })
  })
})

await test('A2 without a token there are no admin routes', async (t) => {
  const { app, cache } = openReplica(t, 'redis://127.0.0.1:1')
  app.register(cacheAdminPlugin, { cache, token: undefined })
  const answer = await app.inject({ url: '/cache/stats', headers: { authorization: 'Bearer undefined' } })
  t.match(answer.json(), { status: 404, code: 'ROUTE_NOT_FOUND' })
})
