import { inspect } from 'node:util'
import { createCache, memoryTransport } from '@lockstep/cache'
import { faultProxy, recordingLogger, testRedis, until } from '@lockstep/testing'
import type { FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import { useCache } from '../../src/index.ts'
import { type App, browser, openApp } from './fleet.ts'
import { command, keysIn, onlyRecord } from './redis.ts'

const away = { status: 503, body: { code: 'SESSION_STORE_UNAVAILABLE' }, setCookie: undefined }

/** What holds while the store does not answer. */
async function holdsWithoutStore(t: Test, app: App, ada: ReturnType<typeof browser>) {
  const jar = { ...ada.jar }
  const refused = await ada.get('/me')
  t.match(refused, away)
  t.match(refused.headers, { 'content-type': /^application\/problem\+json/, 'retry-after': '1' })
  for (const url of ['/save', '/login', '/logout', '/logout-everywhere']) {
    t.match(await ada.post(url, { user: 'ada' }), away, url)
  }
  t.match(await ada.get('/maybe'), {
    status: 200,
    body: { user: null, available: false },
    setCookie: undefined,
  })
  t.match(await ada.get('/plain'), { status: 200 })
  t.match(await browser(app).get('/me'), { status: 401 }, 'who has no cookie needs no store')
  t.match(await browser(app).get('/maybe'), { status: 200, body: { available: true } })
  t.match(await browser(app).post('/save', { a: 1 }), away)
  await t.rejects(app.app.sessions.list('ada'), { code: 'SESSION_STORE_UNAVAILABLE' })
  t.same(ada.jar, jar, 'the cookie is still there')
}

await test('S1 Redis is away: 503 where a session is needed, nothing where it is not', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  await server.kill()
  await until('it is noticed', () => !app.link.available)
  await holdsWithoutStore(t, app, ada)
  const errors = app.app.sessions.metrics().find(({ name }) => name.endsWith('store_errors_total'))
  t.ok((errors?.value ?? 0) > 5)
})

await test('S1 Redis hangs: the same, in time, and all is well when it answers again', async (t) => {
  const server = await testRedis(t)
  const proxy = await faultProxy(server.port)
  t.teardown(() => proxy.close())
  const app = await openApp(t, {
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    REDIS_COMMAND_TIMEOUT: '1500ms',
  })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  proxy.blackHole()
  await holdsWithoutStore(t, app, ada)
  proxy.heal()
  proxy.reset()
  await until('Redis answers', () => app.link.available)
  t.match(await ada.get('/me'), { status: 200, body: { user: 'ada' } })
})

await test('S1 a change is refused when nobody knows whose session it would take the place of', async (t) => {
  const server = await testRedis(t)
  const proxy = await faultProxy(server.port)
  t.teardown(() => proxy.close())
  const arrived = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const app = await openApp(
    t,
    { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    {
      routes: (own) =>
        own.post('/late', { config: { session: 'optional' } }, async ({ session }) => {
          arrived.resolve()
          await gate.promise
          await session.save({ cart: 1 })
          return {}
        }),
    },
  )
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  proxy.blackHole()
  proxy.reset()
  await until('it is noticed', () => !app.link.available)
  const late = ada.post('/late')
  await arrived.promise
  proxy.heal()
  proxy.reset()
  await until('Redis answers', () => app.link.available)
  gate.resolve()
  t.match(await late, away, 'an anonymous session would have taken the place of hers')
  t.match(await ada.get('/me'), { status: 200, body: { user: 'ada' } })
})

await test('S1 a record that is none of ours is no session, and is said once', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const damage: ((record: string) => [string, ...(string | number)[]])[] = [
    (record) => ['set', record, 'a text'],
    (record) => ['hset', record, 'data', '{"cut'],
    (record) => ['hset', record, 'data', '[1]'],
    (record) => ['hset', record, 'data', 'null'],
    (record) => ['hdel', record, 'data'],
    (record) => ['hdel', record, 'user'],
    (record) => ['hdel', record, 'agent'],
    (record) => ['hset', record, 'ends', 'soon'],
    (record) => ['hset', record, 'ends', 'inf'],
    (record) => ['hset', record, 'created', 'x'],
    (record) => ['hset', record, 'seen', '-1'],
  ]
  for (const harm of damage) {
    const ada = browser(app)
    await ada.post('/login', { user: 'ada' })
    const [name, ...args] = harm(await onlyRecord(app.link))
    await command(app.link, name, ...args)
    const what = [name, ...args.slice(1)].join(' ')
    t.match(await ada.get('/me'), { status: 401, body: { code: 'SESSION_REQUIRED' } }, what)
    t.match(await ada.get('/maybe'), { status: 200, body: { user: null, data: {} } }, what)
    t.same(await app.app.sessions.list('ada').then((listed) => listed.length), 0, what)
    t.match(await ada.post('/login', { user: 'ada' }), { status: 200 }, 'one can log in')
    t.match(await ada.get('/me'), { status: 200 })
    await ada.post('/logout')
    for (const left of await keysIn(app.link, 'shop:*session:*')) await command(app.link, 'del', left)
  }
  t.equal(app.logged().match(/is corrupt/g)?.length, 1)
  const corrupt = app.app.sessions.metrics().find(({ labels }) => labels['reason'] === 'corrupt')
  t.equal(corrupt?.value, 3 * damage.length)
})

await test('S1 the size of the data is bounded', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url }, { plugin: { maxBytes: 100 } })
  const ada = browser(app)
  const large = { status: 413, body: { code: 'SESSION_DATA_TOO_LARGE' } }
  t.match(await ada.post('/save', { text: 'x'.repeat(100) }), large)
  t.match(
    await ada.post('/login', { user: 'ada', data: { text: 'é'.repeat(50) } }),
    large,
    'bytes, not characters',
  )
  t.same(await keysIn(app.link, '*'), [])
  await ada.post('/login', { user: 'ada', data: { text: 'é'.repeat(40) } })
  t.match(await ada.post('/save', { text: 'x'.repeat(100) }), large)
  t.match(
    await ada.get('/me'),
    { status: 200, body: { data: { text: 'é'.repeat(40) } } },
    'what was there stays',
  )
  t.match(await ada.post('/login', { user: 'ada', data: { text: 'x'.repeat(100) } }), large)
  t.match(await ada.post('/login', { user: 'bob', data: { text: 'x'.repeat(100) } }), large)
  t.match(await ada.post('/login', { user: '' }), { status: 500 })
  t.match(await ada.get('/me'), { status: 200, body: { user: 'ada' } }, 'and a refused login ends nothing')
})

await test('S1 nothing secret is logged, whatever goes wrong', async (t) => {
  const server = await testRedis(t)
  const thrown: string[] = []
  const before = (own: FastifyInstance) =>
    own.addHook('onError', async (_request, _reply, error) => {
      thrown.push(inspect(error, { depth: 10 }))
    })
  const app = await openApp(t, { REDIS_URL: server.url }, { before })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada', data: { private: 'ada-has-a-secret' } })
  const [user = ''] = await keysIn(app.link, 'shop:*sessions:*')
  await command(app.link, 'set', user, 'a text')
  t.match(await ada.get('/me'), { status: 503, body: { code: 'SESSION_STORE_UNAVAILABLE' } })
  t.match(await browser(app).post('/login', { user: 'ada', data: { private: 'ada-has-a-secret' } }), {
    status: 503,
  })
  await command(app.link, 'config', 'set', 'maxmemory', 1)
  t.match(await browser(app).post('/login', { user: 'bob', data: { private: 'ada-has-a-secret' } }), {
    status: 503,
  })
  await server.kill()
  await until('it is noticed', () => !app.link.available)
  await ada.get('/me')
  const id = decodeURIComponent(ada.jar['__Host-session'] ?? '').slice(0, 54)
  t.match(app.logged(), /request failed/)
  t.equal(thrown.length, 4)
  for (const secret of [id.slice(22), 'ada-has-a-secret', 'a-secret-of-more-than']) {
    t.notOk(app.logged().includes(secret), secret)
    t.notOk(thrown.join('').includes(secret), `${secret} in an error`)
  }
})

await test('S1 when its memory is full, Redis still reads and ends sessions', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const [ada, bob] = [browser(app), browser(app)]
  await ada.post('/login', { user: 'ada' })
  await bob.post('/login', { user: 'bob' })
  await command(app.link, 'pexpire', (await keysIn(app.link, 'shop:*session:*'))[0] ?? '', 60_000)
  await command(app.link, 'config', 'set', 'maxmemory', 1)
  for (const client of [ada, bob]) t.match(await client.get('/me'), { status: 200 })
  t.match(await ada.post('/logout'), { status: 200 })
  t.match(await bob.post('/logout-everywhere'), { status: 200, body: { ended: 1 } })
})

await test('S1 mistakes in the code of a service are named', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(
    t,
    { REDIS_URL: server.url },
    {
      before: (own) =>
        useCache(own, { cache: createCache({ transport: memoryTransport(), logger: recordingLogger() }) }),
      routes: (own) => {
        own.get('/undeclared', async ({ session }) => session.user)
        own.get('/shared', { config: { session: 'optional', cache: { ttl: '1m' } } }, async () => 'mine')
      },
    },
  )
  for (const url of ['/undeclared', '/shared']) {
    t.match(await browser(app).get(url), { status: 500, body: { code: 'INTERNAL_ERROR' } })
  }
  t.match(app.logged(), /GET \/undeclared has no config\.session/)
  t.match(app.logged(), /\/shared has a config\.cache, too/)
  for (const user of ['', 'x'.repeat(201)]) {
    t.match(await browser(app).post('/login', { user }), { status: 500 })
  }
  t.match(app.logged(), /LOCKSTEP_SESSION_USE/)
})
