import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { type App, browser, openApp } from './fleet.ts'
import { callsDuring, command, keysIn, onlyRecord } from './redis.ts'

const timeLeft = async ({ link }: App) => Number(await command(link, 'pttl', await onlyRecord(link)))

await test('S1 the idle limit slides; a read is one command, and writes only when a fifth of it is over', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url }, { env: { SESSION_IDLE: '100s' } })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  const record = await onlyRecord(app.link)
  const reads = async (times: number) => {
    for (let i = 0; i < times; i++) t.match(await ada.get('/me'), { status: 200, setCookie: undefined })
  }
  await reads(1)
  const fresh = await callsDuring(app.link, () => reads(20))
  t.match(fresh, { evalsha: 20, hmget: 20 })
  t.same(Object.keys(fresh).toSorted(), ['evalsha', 'hget', 'hmget', 'pttl', 'time'], 'nothing is written')

  await command(app.link, 'pexpire', record, 95_000)
  t.notMatch(
    await callsDuring(app.link, () => reads(5)),
    { pexpire: Number },
    'nor when less than a fifth is over',
  )
  await command(app.link, 'pexpire', record, 79_000)
  t.match(await callsDuring(app.link, () => reads(20)), { pexpire: 1, hset: 2 }, 'then once')
  t.ok((await timeLeft(app)) > 90_000)
})

await test('S1 a session that nobody uses ends', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url }, { env: { SESSION_IDLE: '300ms' } })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  await until('it is over', async () => (await keysIn(app.link, 'shop:*session:*')).length === 0)
  t.match(await ada.get('/me'), { status: 401 })
  t.same(await app.app.sessions.list('ada'), [])
})

await test('S1 the absolute limit ends one that is used all the time, by the clock of Redis', async (t) => {
  const server = await testRedis(t)
  const env = { SESSION_IDLE: '1h', SESSION_ABSOLUTE: '3s' }
  const app = await openApp(t, { REDIS_URL: server.url }, { env })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  t.match(await ada.get('/me'), { status: 200 })
  t.ok((await timeLeft(app)) <= 3000, 'its key does not outlive it')
  await ada.post('/save', { a: 1 })
  t.ok((await timeLeft(app)) <= 3000, 'also when it is used')
  await until('it is refused', async () => (await ada.get('/me')).status === 401)
  await ada.post('/login', { user: 'ada' })
  const record = await onlyRecord(app.link)
  await command(app.link, 'hset', record, 'ends', Date.now() - 1000)
  await command(app.link, 'persist', record)
  t.match(await ada.get('/me'), { status: 401 }, 'whatever its key and its cookie say')
  t.match(await ada.post('/login', { user: 'ada' }), { status: 200 })
})

await test('S1 a login at the end of the absolute limit begins another', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(
    t,
    { REDIS_URL: server.url },
    { env: { SESSION_IDLE: '100s', SESSION_ABSOLUTE: '1h' } },
  )
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  const record = await onlyRecord(app.link)
  await command(app.link, 'hset', record, 'ends', Date.now() + 50_000)
  await ada.get('/me')
  t.ok((await timeLeft(app)) > 90_000, 'the key is not shortened by reads')
  await ada.post('/save', {})
  t.ok((await timeLeft(app)) <= 50_000)
  await ada.post('/login', { user: 'ada' })
  const [info] = await app.app.sessions.list('ada')
  t.ok((info?.ends ?? 0) - (info?.created ?? 0) === 3_600_000)
})

await test('S1 routes and requests without a session cost Redis nothing, and get no cookie', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  const used = await callsDuring(app.link, async () => {
    t.match(
      await ada.get('/plain'),
      { status: 200, setCookie: undefined },
      'with a cookie, on a route without',
    )
    const anonymous = browser(app)
    t.match(await anonymous.get('/maybe'), { status: 200, setCookie: undefined })
    t.match(await anonymous.get('/me'), { status: 401, setCookie: undefined })
    t.match(await browser(app, { '__Host-session': 'forged' }).get('/maybe'), {
      status: 200,
      setCookie: undefined,
    })
  })
  t.same(used, {})
  t.equal((await keysIn(app.link, 'shop:*session:*')).length, 1)
})
