import { systemClock } from '@lockstep/redis'
import { faultProxy, type Teardown, testRedis, until } from '@lockstep/testing'
import { type Test, test } from 'tap'
import { command } from '../session/redis.ts'
import { openApp } from './rig.ts'

const tier = { limit: 3, window: '1h' } as const

/** An app with one route for each way of going on without Redis. */
async function setUp(t: Teardown) {
  const redis = await testRedis(t)
  const proxy = await faultProxy(redis.port)
  t.teardown(() => proxy.close())
  const app = await openApp(t, `redis://127.0.0.1:${proxy.port}`, {
    clock: systemClock,
    limits: {
      policies: {
        open: { ...tier, whenAway: 'open' },
        closed: { ...tier, whenAway: 'closed' },
        local: { ...tier, whenAway: 'local' },
        shadow: { ...tier, whenAway: 'closed', shadow: true },
      },
    },
    routes: (routes) => {
      for (const limit of ['open', 'closed', 'local', 'shadow']) {
        routes.get(`/${limit}`, { config: { limit } }, async () => 'x')
      }
    },
  })
  return { redis, proxy, ...app }
}

type App = Awaited<ReturnType<typeof setUp>>

async function goesOn(t: Test, { ask, passed }: App) {
  t.equal(await passed(6, { url: '/open' }), 6)
  const open = await ask({ url: '/open' })
  t.equal(open.headers['ratelimit-policy'], '"open";q=3;w=3600')
  t.equal(open.headers['ratelimit'], '"open";r=3', 'nobody knows for how long')
  const closed = await ask({ url: '/closed' })
  t.equal(closed.status, 503)
  t.equal(closed.headers['retry-after'], '1')
  t.equal(closed.headers['ratelimit'], '"closed";r=0;t=1')
  t.match(closed.headers['content-type'], /^application\/problem\+json/)
  t.match(closed.answer.json(), {
    status: 503,
    code: 'LIMIT_STORE_UNAVAILABLE',
    title: 'Service Unavailable',
  })
  t.equal(await passed(6, { url: '/local' }), 3, 'this process counts')
  t.match((await ask({ url: '/local' })).answer.json(), { code: 'RATE_LIMITED' })
  t.equal(await passed(6, { url: '/shadow' }), 6)
  t.equal((await ask({ url: '/shadow' })).status, 200)
}

await test('Redis is gone: open, closed and local; closed is 503 and no 429', async (t) => {
  const app = await setUp(t)
  await app.redis.kill()
  await until('the link knows', () => !app.link.available)
  await goesOn(t, app)
})

await test('Redis hangs: answers do not wait for as long as its link does', async (t) => {
  const app = await setUp(t)
  app.proxy.blackHole()
  let over = false
  const ping = command(app.link, 'PING').then(
    () => (over = true),
    () => (over = true),
  )
  await goesOn(t, app)
  t.notOk(over, 'the link itself still waits')
  app.proxy.heal()
  app.proxy.reset()
  await ping
})
