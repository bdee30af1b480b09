import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { Decision, Limiter } from '@lockstep/coordination'
import { type Clock, systemClock } from '@lockstep/redis'
import { type Teardown, testRedis, until } from '@lockstep/testing'
import { type FastifyInstance, fastify } from 'fastify'
import { test } from 'tap'
import { errorsPlugin, type RateLimitStoreOptions, rateLimitStore } from '../../src/index.ts'
import { command, keysIn } from '../session/redis.ts'
import { client, openLimiter, userOf } from './rig.ts'

interface Options {
  readonly plugin?: RateLimitPluginOptions
  readonly store?: RateLimitStoreOptions
  readonly routes?: (app: FastifyInstance) => unknown
  readonly clock?: Clock
  /** Sees what is decided. */
  readonly seen?: Decision[]
}

/** A service with @fastify/rate-limit on our store. */
async function openApp(t: Teardown, url: string, { plugin, store, routes, clock, seen = [] }: Options = {}) {
  const { link, limiter } = await openLimiter(t, url, clock)
  const app = fastify()
  t.teardown(() => app.close())
  app.register(errorsPlugin, {})
  await app.register(rateLimit, { ...plugin, store: rateLimitStore(watched(limiter, seen), store) })
  app.get('/', async () => 'x')
  await routes?.(app)
  await app.ready()
  return { app, link, limiter, seen, ...client(app) }
}

function watched(limiter: Limiter, seen: Decision[]): Limiter {
  return {
    ...limiter,
    policy(options) {
      const policy = limiter.policy(options)
      return {
        name: policy.name,
        tiers: policy.tiers,
        shadow: policy.shadow,
        peek: (key) => policy.peek(key),
        forget: (key) => policy.forget(key),
        async consume(key) {
          const decision = await policy.consume(key)
          seen.push(decision)
          return decision
        },
      }
    },
  }
}

await test('S2 through @fastify/rate-limit: 100 a minute, then 429 with Retry-After', async (t) => {
  const redis = await testRedis(t)
  const { ask, passed } = await openApp(t, redis.url, { plugin: { max: 100, timeWindow: '1 minute' } })
  const first = await ask()
  t.match(first.headers, { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '99' })
  t.match(first.headers['x-ratelimit-reset'], /^6[0-6]$/)
  t.equal(await passed(105), 99)
  const refused = await ask()
  t.match(refused, { status: 429, headers: { 'x-ratelimit-remaining': '0' } })
  const after = Number(refused.headers['retry-after'])
  t.ok(Number.isInteger(after) && after >= 1 && after <= 66, `${after} s`)
  t.equal(refused.headers['x-ratelimit-reset'], `${after}`)
  t.equal(await passed(1, { from: '192.0.2.2' }), 1)
})

await test('two replicas under load: it refuses what ours refuses, and no rolling window holds more', async (t) => {
  const redis = await testRedis(t)
  const seen: Decision[] = []
  const options = { seen, plugin: { max: 8, timeWindow: 200 }, store: { denyCache: false } }
  const apps = [await openApp(t, redis.url, options), await openApp(t, redis.url, options)]
  const statuses: number[] = []
  const end = performance.now() + 30_000
  const enough = () =>
    seen.filter(({ allowed }) => allowed).length >= 30 && seen.some(({ allowed }) => !allowed)
  while (!enough() && performance.now() < end) {
    const answers = await Promise.all(apps.flatMap(({ ask }) => [ask(), ask(), ask()]))
    statuses.push(...answers.map(({ status }) => status))
  }
  const given = seen.filter(({ allowed }) => allowed)
  t.equal(statuses.filter((status) => status === 200).length, given.length)
  t.equal(statuses.filter((status) => status === 429).length, seen.length - given.length)
  const times = given.map(({ at = 0 }) => at).toSorted((a, b) => a - b)
  const most = Math.max(
    ...times.map((at, from) => times.slice(from).filter((later) => later < at + 200).length),
  )
  t.ok(times.length >= 30, `${times.length} over several windows`)
  t.ok(given.length < seen.length, 'more was asked for than there was')
  t.ok(most <= 8, `${most} in the fullest window`)
})

await test('routes have a max, a window, a key and permits of their own; a max may be found out', async (t) => {
  const redis = await testRedis(t)
  const { passed, limiter } = await openApp(t, redis.url, {
    plugin: { max: 5, timeWindow: '1h' },
    routes: (app) => {
      app.get('/few', { config: { rateLimit: { max: 2, timeWindow: '2h' } } }, async () => 'x')
      app.get('/also', { config: { rateLimit: { max: 2, timeWindow: '2h' } } }, async () => 'x')
      app.get('/none', { config: { rateLimit: { max: 0 } } }, async () => 'x')
      app.get('/free', { config: { rateLimit: false } }, async () => 'x')
      const rateLimitOfUser = {
        keyGenerator: (request: { headers: Record<string, unknown> }) => userOf(request) ?? 'nobody',
        max: async (_request: unknown, key: string) => (key === 'gold' ? 4.5 : 1),
        timeWindow: () => 3_600_000,
      }
      app.get('/user', { config: { rateLimit: rateLimitOfUser } }, async () => 'x')
    },
  })
  t.equal(await passed(4, { url: '/few' }), 2)
  t.equal(await passed(4, { url: '/also' }), 2)
  t.equal(await passed(9), 5)
  t.equal(await passed(3, { url: '/none' }), 0)
  t.equal(await passed(9, { url: '/free' }), 9)
  t.equal(await passed(9, { url: '/user', headers: { 'x-user': 'gold' } }), 4)
  t.equal(await passed(9, { url: '/user', headers: { 'x-user': 'ada' } }), 1)
  t.same(Object.keys(limiter.stats()), [
    'rate-limit-2-7200000',
    'rate-limit-5-3600000',
    'rate-limit-4-3600000',
    'rate-limit-1-3600000',
  ])
})

await test('no key reaches into the permits of another route', async (t) => {
  const redis = await testRedis(t)
  const { passed } = await openApp(t, redis.url, {
    plugin: { max: 2, timeWindow: '1h', keyGenerator: ({ headers }) => String(headers['x-key'] ?? 'me') },
    routes: (app) => {
      app.get('/a', { config: { rateLimit: {} } }, async () => 'x')
      app.get('/a/b', { config: { rateLimit: {} } }, async () => 'x')
    },
  })
  for (const key of ['me', 'GET/a me', '/b me', ' me', '* me']) {
    const headers = { 'x-key': key }
    for (const url of ['/', '/a', '/a/b']) t.equal(await passed(3, { url, headers }), 2, `${url} ${key}`)
  }
})

await test('what was refused is not counted', async (t) => {
  const redis = await testRedis(t)
  const { passed, link } = await openApp(t, redis.url, {
    plugin: { max: 3, timeWindow: '1h' },
    store: { denyCache: false },
  })
  t.equal(await passed(3), 3)
  const [key = ''] = await keysIn(link, '*')
  const before = await command(link, 'GET', key)
  t.equal(await passed(20), 0)
  t.same(await command(link, 'GET', key), before)
})

await test('increment: false looks and takes nothing', async (t) => {
  const redis = await testRedis(t)
  const { app, ask, passed } = await openApp(t, redis.url, {
    plugin: { global: false },
    routes: (routes) => {
      const check = routes.createRateLimit({ max: 2, timeWindow: '1h' })
      routes.get('/look', async (request) => check(request, { increment: false }))
      routes.get('/take', async (request) => check(request))
    },
  })
  const look = async () => (await ask({ url: '/look' })).answer.json()
  t.match(await look(), { remaining: 2, isExceeded: false, ttl: 0 })
  t.match(await look(), { remaining: 2, isExceeded: false })
  t.match((await ask({ url: '/take' })).answer.json(), { remaining: 1, isExceeded: false })
  t.match((await ask({ url: '/take' })).answer.json(), { remaining: 0, isExceeded: false })
  t.match(await look(), { remaining: 0, isExceeded: true }, 'the next would be refused')
  t.match((await ask({ url: '/take' })).answer.json(), { remaining: 0, isExceeded: true })
  t.equal(await passed(1), 1)
  t.ok(app.hasDecorator('createRateLimit'))
})

await test('Redis is gone: whenAway says what happens; skipOnError passes what closed refuses', async (t) => {
  const redis = await testRedis(t)
  const plugin = { max: 2, timeWindow: '1h' }
  const away = { plugin, clock: systemClock } as const
  const closed = await openApp(t, redis.url, { ...away, store: { whenAway: 'closed' } })
  const skips = await openApp(t, redis.url, {
    ...away,
    plugin: { ...plugin, skipOnError: true },
    store: { whenAway: 'closed' },
  })
  const open = await openApp(t, redis.url, { ...away, store: { whenAway: 'open' } })
  const local = await openApp(t, redis.url, away)
  await redis.kill()
  for (const { link } of [closed, skips, open, local]) await until('the link knows', () => !link.available)
  const answer = await closed.ask()
  t.match(answer, { status: 503, headers: { 'retry-after': '1' } })
  t.match(answer.answer.json(), { code: 'LIMIT_STORE_UNAVAILABLE' })
  t.match(await skips.ask(), { status: 200 })
  t.equal(await open.passed(5), 5)
  t.equal(await local.passed(5), 2)
})

await test('what cannot be is refused: at start where it is known, else with the request', async (t) => {
  const redis = await testRedis(t)
  const code = 'LOCKSTEP_ROUTE_LIMIT'
  for (const name of ['continueExceeding', 'exponentialBackoff', 'ban'] as const) {
    const plugin = name === 'ban' ? { ban: 2 } : { [name]: true }
    const message = new RegExp(`of @fastify/rate-limit: ${name} counts what was refused`)
    await t.rejects(openApp(t, redis.url, { plugin }), { code, message })
    const routes = (app: FastifyInstance) =>
      app.get('/worse', { config: { rateLimit: plugin } }, async () => 'x')
    await t.rejects(openApp(t, redis.url, { routes }), { code, message: /of GET \/worse: / })
  }
  const { limiter } = await openLimiter(t, redis.url)
  const Store = rateLimitStore(limiter, { maxPolicies: 2 })
  const incr = (max: number, timeWindow: number, store = new Store()) =>
    new Promise((resolve, reject) => {
      store.incr('me', (error, result) => (error ? reject(error) : resolve(result)), timeWindow, max)
    })
  t.match(await incr(5, 60_000), { current: 1 })
  t.match(await incr(5, 59_999.5), { current: 2 }, 'a part of a millisecond is a whole one')
  t.match(await incr(Number.NaN, 60_000).catch((error: unknown) => error), { code, message: /limit NaN/ })
  t.match(await incr(5, 5).catch((error: unknown) => error), { code, message: /window 5/ })
  t.match(await incr(6, 60_000), { current: 1 })
  t.match(await incr(7, 60_000).catch((error: unknown) => error), { code, message: /more than 2 pairs/ })
  t.match(await incr(6, 60_000, new Store({})), { current: 2 })
})
