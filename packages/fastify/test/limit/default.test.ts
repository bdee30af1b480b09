import { readSettings } from '@lockstep/settings'
import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { createService, healthPlugin, limitPlugin, ServiceSettings } from '../../src/index.ts'
import { client, openApp, openLimiter } from './rig.ts'

await test('S2 100 a minute by default; then 429 with Retry-After, and nothing of the handler runs', async (t) => {
  const redis = await testRedis(t)
  let ran = 0
  const { ask, passed } = await openApp(t, redis.url, {
    routes: (app) =>
      app.post('/count', async () => {
        ran++
        return {}
      }),
  })
  const first = await ask({ url: '/count', method: 'POST', payload: {} })
  t.match(first, { status: 200, headers: { 'ratelimit-policy': '"default";q=100;w=60' } })
  t.match(first.headers['ratelimit'], /^"default";r=99;t=6[0-6]$/)
  t.equal(first.headers['retry-after'], undefined)
  t.equal(await passed(60, { url: '/count', method: 'POST', payload: {} }), 60)
  t.equal(await passed(50), 39, 'all routes together')
  const refused = await ask({ url: '/count', method: 'POST', payload: {} })
  t.equal(refused.status, 429)
  t.equal(ran, 61)
  const after = Number(refused.headers['retry-after'])
  t.ok(Number.isInteger(after) && after >= 1 && after <= 66, `${after} s`)
  t.equal(refused.headers['ratelimit'], `"default";r=0;t=${after}`)
  t.match(refused.headers['content-type'], /^application\/problem\+json/)
  t.match(refused.answer.json(), {
    type: 'about:blank',
    title: 'Too Many Requests',
    status: 429,
    code: 'RATE_LIMITED',
    detail: `The limit default is used up: try again in ${after} s`,
    instance: /^urn:uuid:/,
  })
  t.equal((await ask({ from: '192.0.2.2' })).status, 200, 'another address has its own')
})

await test('S2 two replicas on one Redis never admit more than the limit in sum', async (t) => {
  const redis = await testRedis(t)
  const limits = { default: { limit: 40, window: '1h' } } as const
  const apps = [await openApp(t, redis.url, { limits }), await openApp(t, redis.url, { limits })]
  const ada = { headers: { 'x-user': 'ada' } }
  const answers = await Promise.all(Array.from({ length: 60 }, () => apps.map(({ ask }) => ask(ada))).flat())
  t.equal(answers.filter((answer) => answer.status === 200).length, 40)
  t.equal(answers.filter((answer) => answer.status === 429).length, 80)
})

await test('an address without a route is limited, too; health is not, and neither is what says false', async (t) => {
  const redis = await testRedis(t)
  const added: string[] = []
  const { passed, ask } = await openApp(t, redis.url, {
    limits: { default: { limit: 2, window: '1h' } },
    routes: async (app) => {
      app.addHook('onRoute', ({ method, url }) => void (method === 'GET' && added.push(url)))
      await app.register(healthPlugin, { service: 'test', checks: [] })
      app.get('/free', { config: { limit: false } }, async () => 'free')
    },
  })
  t.equal(await passed(5, { url: '/nothing/here' }), 2)
  t.equal((await ask()).status, 429)
  t.ok(added.includes('/health') && added.includes('/free'))
  for (const url of added.filter((one) => one !== '/')) {
    t.equal(await passed(5, { url }), 5, url)
    t.equal((await ask({ url })).headers['ratelimit'], undefined)
  }
})

await test('as a plugin of a service: routes in plugins after it; default: false leaves the others alone', async (t) => {
  const redis = await testRedis(t)
  const { limiter } = await openLimiter(t, redis.url)
  const app = createService({
    name: 'test',
    settings: readSettings(ServiceSettings, { LOG_LEVEL: 'silent' }),
  })
  t.teardown(() => app.close())
  app.register(limitPlugin, { limiter, default: false, policies: { few: { limit: 1, window: '1h' } } })
  app.register(async (routes) => {
    routes.get('/few', { config: { limit: 'few' } }, async () => 'few')
    routes.get('/many', async () => 'many')
  })
  const { passed } = client(app)
  t.equal(await passed(3, { url: '/few' }), 1)
  t.equal(await passed(3, { url: '/many' }), 3)
  t.equal(await passed(3, { url: '/nothing' }), 3)
  t.equal(await passed(2, { url: '/few', method: 'HEAD' }), 0, 'HEAD takes from the same')
})
