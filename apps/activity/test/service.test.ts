import { freePort } from '@lockstep/servers'
import { type Teardown, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { common, eventOf, openDesk, operator, soon } from './fixtures/fleet.ts'

type Headers = Record<string, string>

async function open(t: Teardown, env: Record<string, string>) {
  const app = createApp(readConfig({ ...common, SERVICE_ID: 'activity-test', LOG_LEVEL: 'silent', ...env }))
  t.teardown(() => app.close())
  await app.ready()
  const call = async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    headers: Headers = {},
    payload?: object,
  ) => {
    const reply = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
    return {
      status: reply.statusCode,
      headers: reply.headers,
      body: reply.body === '' ? undefined : reply.json(),
    }
  }
  const healthy = async () => (await call('GET', '/health')).body.status === 'healthy'
  return { app, call, healthy }
}

await test('activity on a real Redis', async (t) => {
  const redis = await testRedis(t)
  const env = { REDIS_URL: redis.url, INBOX_KEPT: '20' }
  const [one, two] = [await open(t, env), await open(t, env)]
  const { call } = one
  const desk = await openDesk(t, redis.url)
  const service = await desk.service()
  await soon('all are healthy', async () => (await one.healthy()) && (await two.healthy()))
  const books = (...items: [bookId: number, quantity: number][]) =>
    items.map(([bookId, quantity]) => ({ bookId, title: `Book ${bookId}`, quantity }))
  const clear = () =>
    desk.redis.run((commands) => commands.callBuffer('del', 'shop:{0}:sorted:leaderboard:best-sellers'))

  await t.test(
    'A5 an event counts once, however often it is sent, to whichever replica, at once or later',
    async (t) => {
      const event = eventOf('1', 'event-1', books([1, 2], [2, 5], [1, 1]))
      const send = ({ call }: typeof one) => call('POST', '/events', service, event)
      const sent = await Promise.all(Array.from({ length: 10 }, (_, n) => send(n % 2 ? one : two)))
      t.same(
        sent.map(({ status }) => status),
        Array.from({ length: 10 }, () => 202),
      )
      t.match(await send(one), { status: 202, body: { id: 'event-1' } })
      const { body } = await call('GET', '/leaderboard')
      t.same(body.items, [
        { rank: 1, bookId: 2, score: 5 },
        { rank: 2, bookId: 1, score: 3 },
      ])
      const inbox = await call('GET', '/inbox', await desk.bearer('1'))
      t.match(inbox.body.items, [{ id: 'event-1', text: 'Order event-1 is complete: Book 1 and 1 more' }])
      t.equal(inbox.body.items.length, 1)
      t.equal(inbox.headers['cache-control'], 'no-store')
      const entries = await desk.redis.run((commands) =>
        commands.xrange('shop:{0}:feed:feed:1', '-', '+', 'COUNT', 10),
      )
      t.equal(entries.length, 1, 'and once on the feed')
    },
  )

  await t.test('an event that was recorded in part is completed by the next attempt', async (t) => {
    const event = eventOf('2', 'event-2', books([50, 1], [51, 1]))
    await call('POST', '/events', service, event)
    const forget = ['shop:{0}:list:inbox:2', 'shop:{0}:once:list:inbox:1:2:7:event-2']
    t.equal(await desk.redis.run((commands) => commands.del(...forget)), 2, 'as if it had not got there')
    t.equal((await call('POST', '/events', service, event)).status, 202)
    t.match((await call('GET', '/inbox/length', await desk.bearer('2'))).body, { length: 1 })
    t.match((await call('GET', '/leaderboard/50')).body, { score: 1 })
  })

  await t.test('D4 leaderboard: highest first, rank, score, range, count, set, add, remove', async (t) => {
    await clear()
    for (const [bookId, score] of [
      [11, 10],
      [12, 30],
      [13, 20],
      [14, 20],
    ]) {
      t.match(await call('PUT', `/leaderboard/${bookId}`, operator, { score }), {
        status: 200,
        body: { bookId, score },
      })
    }
    const top = async (query = '') => (await call('GET', `/leaderboard${query}`)).body.items
    t.same(await top('?limit=2'), [
      { rank: 1, bookId: 12, score: 30 },
      { rank: 2, bookId: 14, score: 20 },
    ])
    t.same(await top('?skip=3'), [{ rank: 4, bookId: 11, score: 10 }])
    t.same((await call('GET', '/leaderboard/13')).body, { rank: 3, bookId: 13, score: 20 })
    t.same((await call('GET', '/leaderboard/range?min=10&max=20&limit=2')).body.items, [
      { bookId: 14, score: 20 },
      { bookId: 13, score: 20 },
    ])
    t.same((await call('GET', '/leaderboard/range?min=20&max=20&skip=1')).body.items, [
      { bookId: 13, score: 20 },
    ])
    t.same((await call('GET', '/leaderboard/count')).body, { count: 4 })
    await call('POST', '/events', service, eventOf('1', 'event-3', books([11, 25])))
    t.same((await call('GET', '/leaderboard/11')).body, { rank: 1, bookId: 11, score: 35 }, 'added to')
    t.equal((await call('DELETE', '/leaderboard/11', operator)).status, 204)
    t.match(await call('DELETE', '/leaderboard/11', operator), {
      status: 404,
      body: { code: 'BOOK_NOT_RANKED' },
    })
    t.match(await call('GET', '/leaderboard/11'), { status: 404, body: { code: 'BOOK_NOT_RANKED' } })
    t.match(await call('GET', '/leaderboard/range?min=2&max=1'), {
      status: 400,
      body: { code: 'RANGE_INVALID' },
    })
  })

  await t.test('D2 inbox: push, recent, length, pop, trim; the oldest go', async (t) => {
    const mine = await desk.bearer('3')
    t.match(await call('POST', '/inbox/pop', mine), { status: 204, body: undefined })
    for (let n = 0; n < 25; n++) {
      const text = `text ${n}`
      t.equal((await call('POST', '/notifications', operator, { user: '3', text })).status, 202)
    }
    t.same((await call('GET', '/inbox/length', mine)).body, { length: 20 })
    const texts = async () =>
      (await call('GET', '/inbox?limit=3', mine)).body.items.map(({ text }: { text: string }) => text)
    t.same(await texts(), ['text 24', 'text 23', 'text 22'])
    t.match(await call('POST', '/inbox/pop', mine), {
      status: 200,
      body: { kind: 'notification', text: 'text 24' },
    })
    t.same((await call('POST', '/inbox/trim?keep=2', mine)).body, { removed: 17 })
    t.same(await texts(), ['text 23', 'text 22'])
    t.same((await call('POST', '/inbox/trim?keep=0', mine)).body, { removed: 2 })
    t.same((await call('GET', '/inbox', mine)).body, { items: [] })
  })

  await t.test('P1 a notification is given once for its id, and says who heard it', async (t) => {
    const body = { id: 'n-1', user: '4', text: 'Once' }
    t.match(await call('POST', '/notifications', operator, body), {
      status: 202,
      body: { id: 'n-1', receivers: 2 },
    })
    t.equal((await call('POST', '/notifications', operator, body)).status, 202)
    t.same((await call('GET', '/inbox/length', await desk.bearer('4'))).body, { length: 1 })
  })

  await t.test('nobody sees or does what is not theirs', async (t) => {
    const user = await desk.bearer('5')
    const anonymous: ['GET' | 'POST' | 'PUT' | 'DELETE', string][] = [
      ['GET', '/inbox'],
      ['GET', '/inbox/length'],
      ['POST', '/inbox/pop'],
      ['POST', '/inbox/trim?keep=0'],
      ['GET', '/feed'],
      ['POST', '/events'],
      ['POST', '/notifications'],
      ['PUT', '/leaderboard/1'],
      ['DELETE', '/leaderboard/1'],
    ]
    for (const [method, url] of anonymous) {
      t.match(await call(method, url), { status: 401, body: { code: 'CALLER_REQUIRED' } }, `${method} ${url}`)
      t.match(await call(method, url, { authorization: 'Bearer forged' }), { status: 401 })
    }
    for (const [method, url] of anonymous.slice(5)) {
      t.match(await call(method, url, user), { status: 403, body: { code: 'FORBIDDEN' } }, `${method} ${url}`)
    }
    const admin = await desk.bearer('6', ['admin'])
    t.equal((await call('POST', '/events', admin, eventOf('5', 'x'))).status, 403, 'an admin is no service')
    t.equal((await call('POST', '/notifications', service, { user: '5', text: 'x' })).status, 403)
    t.equal((await call('POST', '/notifications', admin, { user: '5', text: 'x' })).status, 202)
    t.same((await call('GET', '/inbox?user=5', admin)).body, { items: [] }, 'nobody can name another')
  })

  await t.test('what is wrong with a request is said, with the field', async (t) => {
    const event = eventOf('1', 'x')
    const wrong: [object, string][] = [
      [{ ...event, id: '' }, 'body.id'],
      [{ ...event, id: 'a b' }, 'body.id'],
      [{ ...event, type: 'other' }, 'body.type'],
      [{ ...event, user: '*' }, 'body.user'],
      [{ ...event, user: 17 }, 'body.user'],
      [{ ...event, items: [] }, 'body.items'],
      [{ ...event, items: books([0, 1]) }, 'body.items.0.bookId'],
      [{ ...event, items: books([1, 0]) }, 'body.items.0.quantity'],
      [{ ...event, items: books([1, -5]) }, 'body.items.0.quantity'],
      [{ ...event, more: 1 }, 'body.more'],
    ]
    for (const [body, field] of wrong) {
      t.match(
        await call('POST', '/events', service, body),
        { status: 400, body: { errors: [{ field }] } },
        field,
      )
    }
    const notifications: [object, string][] = [
      [{ user: 'a:b', text: 'x' }, 'body.user'],
      [{ user: '1', text: '' }, 'body.text'],
      [{ user: '1', text: 'x'.repeat(1001) }, 'body.text'],
      [{ user: '1', text: 'a\u0000' }, 'body.text'],
    ]
    for (const [body, field] of notifications) {
      t.match(await call('POST', '/notifications', operator, body), {
        status: 400,
        body: { errors: [{ field }] },
      })
    }
    const urls: [string, string][] = [
      ['/leaderboard?limit=0', 'query.limit'],
      ['/leaderboard?limit=101', 'query.limit'],
      ['/leaderboard?skip=-1', 'query.skip'],
      ['/leaderboard/0', 'params.bookId'],
      ['/leaderboard/x', 'params.bookId'],
      ['/leaderboard/range?min=-inf', 'query.min'],
    ]
    for (const [url, field] of urls) {
      t.match(await call('GET', url), { status: 400, body: { errors: [{ field }] } }, url)
    }
    t.match(await call('PUT', '/leaderboard/1', operator, { score: -1 }), { status: 400 })
  })

  await t.test('the OpenAPI document has every route, with its answers', async (t) => {
    const { body } = await call('GET', '/docs/json')
    t.ok(body.paths['/feed'].get.responses['200'].content['text/event-stream'])
    t.ok(body.paths['/events'].post.responses['403'].content['application/problem+json'])
  })

  await t.test('C3 K6 Redis away: the leaderboard as it was last known; the rest says 503', async (t) => {
    await clear()
    await call('PUT', '/leaderboard/21', operator, { score: 7 })
    const known = await call('GET', '/leaderboard?limit=5')
    t.equal(known.headers['age'], undefined)
    await call('GET', '/leaderboard/21')
    await call('GET', '/leaderboard/22')
    const mine = await desk.bearer('9')
    await redis.kill()
    const urls = ['/leaderboard?limit=5', '/leaderboard/21']
    for (const url of urls) {
      const last = await call('GET', url)
      t.equal(last.status, 200, url)
      t.match(last.headers['age'], /^\d+$/)
      t.equal(last.headers['cache-status'], 'lockstep-memory; hit; detail=l2-away')
    }
    t.same((await call('GET', '/leaderboard?limit=5')).body, known.body)
    t.equal((await call('GET', '/leaderboard/22')).status, 404, 'also that there is none')
    const away = { status: 503, body: { code: 'ACTIVITY_UNAVAILABLE' }, headers: { 'retry-after': '1' } }
    t.match(await call('GET', '/leaderboard?limit=6'), away, 'what was never asked')
    t.match(await call('GET', '/inbox', mine), away)
    t.match(await call('POST', '/events', service, eventOf('9', 'late')), away)
    t.match(await call('GET', '/health'), { status: 200, body: { status: 'degraded' } })

    await testRedis(t, redis.port)
    await soon('it is recorded', async () => {
      const { status } = await call('POST', '/events', service, eventOf('9', 'late', books([30, 2])))
      return status === 202
    })
    t.same((await call('GET', '/leaderboard?limit=5')).body, { items: [{ rank: 1, bookId: 30, score: 2 }] })
    t.equal((await call('GET', '/leaderboard?limit=5')).headers['age'], undefined)
  })
})

await test('C3 it starts without Redis, and answers health', async (t) => {
  const { call } = await open(t, { REDIS_URL: `redis://:hunter2@127.0.0.1:${await freePort()}` })
  t.equal((await call('GET', '/livez')).status, 200)
  t.equal((await call('GET', '/readyz')).status, 200)
  t.match(await call('GET', '/leaderboard'), { status: 503, body: { code: 'ACTIVITY_UNAVAILABLE' } })
  const health = await call('GET', '/health')
  t.match(health, { status: 200, body: { status: 'degraded' } })
  t.notMatch(JSON.stringify(health), /hunter2/)
})

await test('C2 settings that cannot be used are named, all at once', async (t) => {
  t.throws(() => readConfig({ FEED_KEPT: '0', FEED_STALL: 'long', TOKEN_KEY: 'short' }), {
    code: 'LOCKSTEP_SETTINGS_INVALID',
    message: /(?=[\s\S]*FEED_KEPT)(?=[\s\S]*FEED_STALL)(?=[\s\S]*TOKEN_KEY)/,
  })
})
