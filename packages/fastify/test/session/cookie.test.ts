import fastifyCookie from '@fastify/cookie'
import { readSettings } from '@lockstep/settings'
import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { SessionSettings } from '../../src/index.ts'
import { browser, openApp, SECRET } from './fleet.ts'
import { keysIn } from './redis.ts'

const NEW = 'another-secret-of-more-than-32-characters'

await test('S1 the cookie: HttpOnly, SameSite, Path, and behind TLS Secure with the __Host- prefix', async (t) => {
  const server = await testRedis(t)
  const behindTls = await openApp(t, { REDIS_URL: server.url }, { env: { SESSION_ABSOLUTE: '2h' } })
  const { headers } = await browser(behindTls).post('/login', { user: 'ada' })
  t.match(
    headers['set-cookie'],
    /^__Host-session=[^;]+; Max-Age=7200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    'over a plain connection to the proxy, too, and without a word of it in the request',
  )
  t.match(headers, { 'cache-control': 'no-store' })
  const plain = await openApp(t, { REDIS_URL: server.url }, { env: { SESSION_COOKIE_SECURE: 'false' } })
  const client = browser(plain)
  const { setCookie } = await client.post('/login', { user: 'ada' })
  t.match(setCookie, /^session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match(
    (await client.post('/logout')).setCookie,
    /^session=; Max-Age=0; Path=\/;.* HttpOnly; SameSite=Lax$/,
  )
  t.match(plain.logged(), /plain HTTP/, 'and the log says so')
})

await test('S1 the cookie has no Domain, whatever an application gives to its own', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(
    t,
    { REDIS_URL: server.url },
    { before: (own) => own.register(fastifyCookie, { parseOptions: { domain: 'example.org' } }) },
  )
  const { setCookie } = await browser(app).post('/login', { user: 'ada' })
  t.notMatch(setCookie, /domain/i)
})

await test('S1 a cookie that was tampered with is no session, and no error', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  const signed = decodeURIComponent(ada.jar['__Host-session'] ?? '')
  const id = signed.slice(0, signed.lastIndexOf('.'))
  const forged = [
    id,
    `${id}.`,
    `${id}.${'A'.repeat(43)}`,
    `${signed}x`,
    signed.slice(1),
    `${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}${signed.slice(id.length)}`,
    '%00',
    '%E0%A4%A',
    '.',
    'x'.repeat(4000),
  ]
  for (const value of forged) {
    const client = browser(app, { '__Host-session': encodeURIComponent(value) })
    t.match(
      await client.get('/me'),
      { status: 401, body: { code: 'SESSION_REQUIRED' }, setCookie: undefined },
      value,
    )
    t.match(await client.get('/maybe'), { status: 200, body: { user: null } })
  }
  t.match(await browser(app, { '__Host-session': '%E0%A4%A' }).get('/me'), { status: 401 })
  t.match(await browser(app, { session: ada.jar['__Host-session'] ?? '' }).get('/me'), { status: 401 })
  const refused = app.app.sessions.metrics().find(({ labels }) => labels['reason'] === 'tampered')
  t.ok((refused?.value ?? 0) >= forged.length)
})

await test('S1 the secret can be changed: the first signs, the others are still believed', async (t) => {
  const server = await testRedis(t)
  const secretIs = (secret: string) =>
    openApp(t, { REDIS_URL: server.url }, { env: { SESSION_COOKIE_SECRET: secret } })
  const before = await secretIs(SECRET)
  const during = await secretIs(`${NEW},${SECRET}`)
  const after = await secretIs(NEW)
  const [early, late] = [browser(before), browser(during)]
  await early.post('/login', { user: 'ada' })
  await late.post('/login', { user: 'bob' })
  t.match(await browser(during, early.jar).get('/me'), {
    status: 200,
    body: { user: 'ada' },
    setCookie: undefined,
  })
  t.match(await browser(after, early.jar).get('/me'), { status: 401 })
  t.match(await browser(after, late.jar).get('/me'), { status: 200, body: { user: 'bob' } })
  t.match(await browser(before, late.jar).get('/me'), { status: 401 })
})

await test('S1 no start without a secret, or with a short one, and it is never shown', async (t) => {
  for (const secret of [
    undefined,
    '',
    'short',
    `${SECRET},short`,
    `${SECRET},`,
    `,${SECRET}`,
    'a secret with spaces in it, long enough',
  ]) {
    const start = () => readSettings(SessionSettings, { SESSION_COOKIE_SECRET: secret })
    t.throws(start, { code: 'LOCKSTEP_SETTINGS_INVALID', message: /SESSION_COOKIE_SECRET/ })
    if (!secret) continue
    try {
      start()
    } catch (error) {
      t.notMatch(String(error), secret)
    }
  }
  t.match(readSettings(SessionSettings, { SESSION_COOKIE_SECRET: SECRET }), { SESSION_COOKIE_SECURE: true })
})

await test('S1 nothing in Redis opens a session', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  const id = decodeURIComponent(ada.jar['__Host-session'] ?? '').slice(0, 54)
  const secretPart = id.slice(22)
  for (const key of await keysIn(app.link, '*')) {
    t.notMatch(key, secretPart)
    const dump = await app.link.run((redis) => redis.callBuffer('dump', key))
    t.ok(dump instanceof Buffer && !dump.includes(secretPart), key)
  }
  const reference = String((await ada.get('/me')).body['reference'])
  t.match(await keysIn(app.link, `shop:*session:${reference}`), [/session:[\w-]{43}$/])
  for (const value of [reference, reference.padEnd(54, 'A')]) {
    t.match(await browser(app, { '__Host-session': value }).get('/me'), { status: 401 })
  }
})
