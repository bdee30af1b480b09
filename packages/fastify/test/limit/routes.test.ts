import { createCache, memoryTransport } from '@lockstep/cache'
import { recordingLogger, testRedis } from '@lockstep/testing'
import { fastify } from 'fastify'
import { test } from 'tap'
import { type LimitPluginOptions, type RouteLimit, useCache, useLimits } from '../../src/index.ts'
import { browser, openApp as openSessions } from '../session/fleet.ts'
import { openApp, openLimiter } from './rig.ts'

await test('the user of a session has one budget in all browsers', async (t) => {
  const redis = await testRedis(t)
  const { limiter } = await openLimiter(t, redis.url)
  const app = await openSessions(
    t,
    { REDIS_URL: redis.url },
    {
      before: (routes) => useLimits(routes, { limiter, default: { limit: 4, window: '1h' } }),
    },
  )
  const [one, two, nobody] = [browser(app), browser(app), browser(app)]
  t.equal((await one.post('/login', { user: 'ada' })).status, 200)
  t.equal((await two.post('/login', { user: 'ada' })).status, 200, 'these two were anonymous')
  for (const client of [one, two, one, two]) t.equal((await client.get('/maybe')).status, 200)
  t.equal((await one.get('/me')).status, 429)
  t.equal((await two.get('/maybe')).status, 429)
  t.equal((await nobody.get('/maybe')).status, 200)
})

await test('an answer from a cache is counted, and says where its own client stands', async (t) => {
  const redis = await testRedis(t)
  let ran = 0
  for (const hook of ['onRequest', 'preHandler'] as const) {
    ran = 0
    const { ask } = await openApp(t, redis.url, {
      limits: { default: { limit: 3, window: hook === 'onRequest' ? '1h' : '2h', hook } },
      before: (app) => {
        useCache(app, { cache: createCache({ transport: memoryTransport(), logger: recordingLogger() }) })
      },
      routes: (app) => {
        app.get('/books', { config: { cache: { ttl: '1h' } } }, async () => {
          ran++
          return { books: [] }
        })
      },
    })
    for (const [from, remaining] of [
      ['192.0.2.1', 2],
      ['192.0.2.2', 2],
      ['192.0.2.1', 1],
      ['192.0.2.1', 0],
    ] as const) {
      const answer = await ask({ url: '/books', from })
      t.match(answer, { status: 200, body: '{"books":[]}' })
      t.match(answer.headers['ratelimit'], new RegExp(`^"default";r=${remaining};t=\\d+$`))
      if (remaining < 2) t.match(answer.headers['cache-status'], /^lockstep-l1; hit/)
    }
    t.match(await ask({ url: '/books' }), { status: 429, headers: { 'cache-status': undefined } })
    t.match(await ask({ url: '/books', method: 'HEAD' }), { status: 429 })
    t.equal(ran, 1, hook)
  }
})

await test('what is refused is neither read nor parsed', async (t) => {
  const redis = await testRedis(t)
  const { ask } = await openApp(t, redis.url, {
    limits: { default: { limit: 1, window: '1h' } },
    routes: (app) => app.post('/body', async () => 'x'),
  })
  const broken = { method: 'POST', url: '/body', headers: { 'content-type': 'application/json' } } as const
  t.equal((await ask(broken)).status, 400)
  t.equal((await ask(broken)).status, 429)
})

await test('an error handler of somebody else gets the status and Retry-After, too', async (t) => {
  const redis = await testRedis(t)
  const { limiter } = await openLimiter(t, redis.url)
  const app = fastify()
  t.teardown(() => app.close())
  useLimits(app, { limiter, default: { limit: 1, window: '1h' } })
  app.get('/', async () => 'x')
  t.match(await app.inject('/'), { statusCode: 200 })
  t.match(await app.inject('/'), { statusCode: 429, headers: { 'retry-after': /^3\d{3}$/ } })
})

await test('each route with options of its own has a budget of its own; one object is one budget', async (t) => {
  const redis = await testRedis(t)
  const shared = { name: 'shared', limit: 2, window: '1h' } as const
  const { passed, app } = await openApp(t, redis.url, {
    routes: (routes) => {
      routes.get('/a/:id', { config: { limit: { limit: 1, window: '1h' } } }, async () => 'x')
      routes.post('/a/:id', { config: { limit: { limit: 2, window: '1h' } } }, async () => 'x')
      for (const url of ['/b', '/c']) routes.get(url, { config: { limit: shared } }, async () => 'x')
    },
  })
  t.equal(await passed(3, { url: '/a/1' }), 1)
  t.equal(await passed(3, { url: '/a/2' }), 0)
  t.equal(await passed(3, { url: '/a/2', method: 'HEAD' }), 0)
  t.equal(await passed(3, { url: '/a/1', method: 'POST' }), 2)
  t.equal(await passed(1, { url: '/b' }), 1)
  t.equal(await passed(3, { url: '/c' }), 1)
  t.equal(app.limits.policy('get-a-id').tiers[0]?.limit, 1)
})

await test('what cannot be is refused at start, naming the route', async (t) => {
  const redis = await testRedis(t)
  const { limiter } = await openLimiter(t, redis.url)
  const { app } = await openApp(t, redis.url, {
    routes: (routes) => {
      let n = 0
      const wrong: [unknown, RegExp][] = [
        ['nobody', /there is no policy "nobody" \(default\)/],
        [7, /7 is neither the name of a policy nor options/],
        [null, /null is neither/],
        [true, /true is neither/],
        [[], /there is none in the list/],
        [['default', 'default'], /twice/],
        [{ limit: 0, window: '1m' }, /limit 0/],
        [{ limit: 5 }, /window/],
        [{ limit: 5, window: 'soon' }, /window "soon"/],
        [{ limit: 5, window: '1m', storeTimeout: 'soon' }, /storeTimeout/],
        [{ limit: 5, window: '1m', name: 'no spaces' }, /name/],
        [{ limit: 5, window: '1m', name: 'default' }, /defined twice/],
        [{ limit: 5, window: '1m', by: 'cookie' }, /by is "cookie", which is none of user, api-key, address/],
        [{ limit: 5, window: '1m', by: 'api-key' }, /was not told apiKey/],
        [{ limit: 5, window: '1m', hook: 'onSend' }, /hook is "onSend"/],
        [{ max: 5, window: '1m' }, /there is no option max/],
      ]
      for (const [limit, message] of wrong) {
        const url = `/wrong-${n++}`
        // As from a file that no compiler has seen.
        const config: { limit: RouteLimit } = JSON.parse(JSON.stringify({ limit }))
        t.throws(
          () => routes.get(url, { config }, async () => 'x'),
          { code: 'LOCKSTEP_ROUTE_LIMIT', message },
          url,
        )
        t.throws(() => routes.get(`${url}/b`, { config }, async () => 'x'), {
          message: `The limits of GET ${url}/b:`,
        })
      }
    },
  })
  const options: [Partial<LimitPluginOptions>, RegExp][] = [
    [{ default: 'nobody' }, /of the default: there is no policy "nobody" \(there are none\)/],
    [{ default: { limit: 1, window: -1 } }, /of the default: .* window -1/],
    [{ policies: { 'a b': { limit: 1, window: '1m' } } }, /of the policy a b: /],
    [{ allow: { addresses: ['10.0.0.0/99'] } }, /of the plugin: allows "10.0.0.0\/99"/],
    [{ ipv6Prefix: 0 }, /of the plugin: ipv6Prefix is 0/],
  ]
  for (const [given, message] of options) {
    t.throws(
      () => useLimits(app, { limiter, ...given }),
      { code: 'LOCKSTEP_ROUTE_LIMIT', message },
      String(message),
    )
  }
})
