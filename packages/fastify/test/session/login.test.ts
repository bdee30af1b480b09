import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { browser, openApp } from './fleet.ts'
import { keysIn } from './redis.ts'

const NAME = '__Host-session'

await test('S1 a session: login, profile, data, log-out, on every replica', async (t) => {
  const server = await testRedis(t)
  const one = await openApp(t, { REDIS_URL: server.url })
  const two = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(one)
  t.match(await ada.get('/me'), { status: 401, body: { code: 'SESSION_REQUIRED' }, setCookie: undefined })
  t.match(await ada.post('/login', { user: 'ada', data: { theme: 'dark' } }), { status: 200 })
  const elsewhere = browser(two, ada.jar)
  t.match(await elsewhere.get('/me'), { status: 200, body: { user: 'ada', data: { theme: 'dark' } } })
  t.match(await elsewhere.post('/save', { theme: 'light' }), { status: 200, setCookie: undefined })
  t.match(await ada.get('/me'), { body: { user: 'ada', data: { theme: 'light' } } })
  t.match(await ada.get('/must'), { status: 200, body: { user: 'ada' } })
  t.match(await browser(one).get('/must'), { status: 401, body: { code: 'SESSION_REQUIRED' } })
  t.match(await ada.get('/plain'), { status: 200, body: { user: null } })
  const kept = { ...ada.jar }
  t.match(await ada.post('/logout'), { status: 200, body: { user: null } })
  t.same(ada.jar, {}, 'the cookie is gone')
  for (const app of [one, two]) t.match(await browser(app, { ...kept }).get('/me'), { status: 401 })
  t.same(await keysIn(one.link, 'shop:*session:*'), [])
})

await test('S1 fixation: what was planted before a login is worthless after it', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const attacker = browser(app)
  await attacker.post('/save', { planted: true })
  const planted = { ...attacker.jar }
  t.ok(planted[NAME], 'an id that the server issued')
  const victim = browser(app, { ...planted })
  await victim.post('/login', { user: 'ada' })
  t.not(victim.jar[NAME], planted[NAME], 'a login has a new id')
  t.match(await victim.get('/me'), { status: 200, body: { user: 'ada', data: {} } }, 'and no planted data')
  t.match(await browser(app, { ...planted }).get('/me'), { status: 401 })
  t.match(await browser(app, { ...planted }).get('/maybe'), { status: 200, body: { user: null, data: {} } })
  const again = { ...victim.jar }
  await victim.post('/login', { user: 'ada' })
  t.not(victim.jar[NAME], again[NAME], 'so has a second login of the same user')
  t.match(await browser(app, { ...again }).get('/me'), { status: 401 })
  const other = { ...victim.jar }
  await victim.post('/login', { user: 'bob' })
  t.match(await victim.get('/me'), { body: { user: 'bob' } }, 'or one of another')
  t.match(await browser(app, other).get('/me'), { status: 401 })
})

await test('S1 an id that the server never issued, or that is over, is not adopted', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const other = await testRedis(t)
  const foreign = browser(await openApp(t, { REDIS_URL: other.url }))
  await foreign.post('/save', { a: 1 })
  const invented = foreign.jar[NAME]
  t.ok(invented, 'well signed, and unknown to this Redis')
  const client = browser(app, { ...foreign.jar })
  t.match(await client.get('/maybe'), { status: 200, body: { data: {} }, setCookie: undefined })
  await client.post('/save', { a: 2 })
  t.not(client.jar[NAME], invented)
  await client.post('/login', { user: 'ada' })
  t.match(await browser(app, { ...foreign.jar }).get('/me'), { status: 401 })
})

await test('S1 a session is created only where none is', async (t) => {
  const server = await testRedis(t)
  const random = (size: number) => Buffer.alloc(size, 7)
  const app = await openApp(t, { REDIS_URL: server.url }, { plugin: { random } })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada', data: { mine: true } })
  t.match(await browser(app).post('/login', { user: 'ada', data: { mine: false } }), { status: 500 })
  t.match(await ada.get('/me'), { status: 200, body: { user: 'ada', data: { mine: true } } })
})
