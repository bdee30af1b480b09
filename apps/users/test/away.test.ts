import { freePort } from '@lockstep/servers'
import { faultProxy, type Teardown, until } from '@lockstep/testing'
import { test } from 'tap'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { ADMIN, Client, openShop, PASSWORD, register, withSession, withToken } from './fixtures/shop.ts'

/** A replica that reaches Redis and Postgres through proxies, and another that does directly. */
async function openFrail(t: Teardown) {
  const shop = await openShop(t, { LOGIN_ATTEMPTS: '1000' })
  const [redis, postgres] = await Promise.all([faultProxy(shop.redis.port), faultProxy(shop.postgres.port)])
  t.teardown(() => Promise.all([redis.close(), postgres.close()]))
  const redisUrl = new URL(shop.redis.url)
  redisUrl.port = String(redis.port)
  const databaseUrl = new URL(shop.postgres.url)
  databaseUrl.port = String(postgres.port)
  const frail = await shop.replica({
    REDIS_URL: redisUrl.href,
    DATABASE_URL: databaseUrl.href,
    REDIS_COMMAND_TIMEOUT: '1s',
    DATABASE_CONNECT_TIMEOUT: '2s',
  })
  const sound = await shop.guest()
  return { frail, sound, redis, postgres }
}

const healthy = (url: string) =>
  until('it is healthy', async () => (await new Client(url).get('/health')).body.status === 'healthy', 60_000)

await test('C3 K6 Redis away, Postgres away, and both back', async (t) => {
  const { frail, sound, redis, postgres } = await openFrail(t)
  const { url } = frail
  await healthy(url)
  const ada = await register(url)
  const [token, session] = [await withToken(url, ada), await withSession(url, ada)]
  const admin = await withToken(url, ADMIN)
  const path = `/users/${ada.id}`
  const away = (code: string) => ({ status: 503, body: { code }, headers: { 'retry-after': /^[1-9]/ } })

  await t.test(
    'C3 without Redis: accounts are read and changed; nobody logs in; nobody is let in unknown',
    async (t) => {
      redis.blackHole()
      redis.reset()
      await until(
        'it is noticed',
        async () => (await new Client(url).get('/health')).body.status === 'degraded',
        60_000,
      )
      t.match(await token.get(path), { status: 200, body: { id: ada.id } })
      t.match(await token.get(`/users/by-email/${ada.email}`), { status: 200 })
      t.match(await token.get('/profile'), { status: 200, body: { account: { id: ada.id }, profile: null } })
      t.match(await token.call('PATCH', path, { name: 'In the dark' }), { status: 200, body: { version: 2 } })
      t.match(await token.get(path), { body: { name: 'In the dark' } }, 'and he sees it')
      t.match(await new Client(url).get(path), { status: 401 })
      t.match(await session.get('/profile'), away('SESSION_STORE_UNAVAILABLE'))
      for (const password of [PASSWORD, 'a-password-that-is-wrong']) {
        for (const email of [ada.email, 'absent@example.org']) {
          for (const route of ['/auth/token', '/auth/login']) {
            t.match(await new Client(url).post(route, { email, password }), away('SESSION_STORE_UNAVAILABLE'))
          }
        }
      }
      t.match(await admin.get('/users'), { status: 200, body: { total: 2 } }, 'admins read on')
      const password = 'another-password-of-ada'
      for (const answer of [
        await admin.call('PUT', `${path}/roles`, { roles: ['admin'] }),
        await token.call('PATCH', path, { password, currentPassword: PASSWORD }),
        await token.call('DELETE', path),
        await token.call('PATCH', '/profile', { theme: 'dark' }),
        await token.get('/profile/logins'),
        await token.get('/sessions'),
        await token.post('/auth/logout-everywhere'),
        await session.post('/auth/logout'),
      ]) {
        t.match(answer, { status: 503, headers: { 'retry-after': /^[1-9]/ } }, answer.text)
      }
      t.match(await register(url), { id: Number }, 'whoever is new may register')
    },
  )

  await t.test('C3 Redis back: all is as before, and the other replica hears what was changed', async (t) => {
    redis.heal()
    await healthy(url)
    const other = token.at(sound.url)
    await until(
      'the change is heard of',
      async () => (await other.get(path)).body.name === 'In the dark',
      60_000,
    )
    t.match(await session.get('/profile'), { status: 200, body: { profile: { logins: 2 } } })
    t.match(await withToken(url, ada), Client, 'the password is the same: what was refused was not done')
    t.match(await admin.get(path), { body: { roles: [], version: 2 } })
  })

  await t.test(
    'C3 without Postgres: what is cached is served, the rest is 503 with Retry-After',
    async (t) => {
      await token.get(path)
      await token.get('/profile')
      const eve = await register(sound.url)
      postgres.blackHole()
      postgres.reset()
      t.match(await token.get(path), { status: 200, body: { name: 'In the dark' } })
      t.match(await token.get(`/users/by-email/${ada.email}`), { status: 200 })
      t.match(await session.get('/profile'), { status: 200, body: { profile: { logins: 3 } } })
      t.match(await session.call('PATCH', '/profile', { theme: 'dark' }), {
        status: 200,
        body: { theme: 'dark' },
      })
      t.match(await session.get('/sessions'), { status: 200 })
      const gone = away('DATABASE_UNAVAILABLE')
      for (const answer of await Promise.all([
        admin.get(`/users/${eve.id}`),
        admin.get('/users?skip=1&limit=7'),
        new Client(url).post('/auth/token', { email: ada.email, password: PASSWORD }),
        new Client(url).post('/auth/login', { email: 'absent@example.org', password: PASSWORD }),
        new Client(url).post('/users', { email: 'late@example.org', password: PASSWORD, name: 'Late' }),
        token.call('PATCH', path, { name: 'Never' }),
        token.call('PATCH', path, { password: 'another-password', currentPassword: PASSWORD }),
        admin.call('PUT', `${path}/roles`, { roles: ['admin'] }),
        admin.call('DELETE', path),
      ])) {
        t.match(answer, gone)
        t.notMatch(answer.text, /\bat \/|node_modules|127\.0\.0\.1|select/)
      }
      t.equal((await fetch(`${url}/readyz`)).status, 200, 'what is cached is still worth asking for')
      t.equal((await fetch(`${url}/health`)).status, 503)
      t.match(await session.post('/auth/logout'), { status: 204 }, 'logging out needs no database')
    },
  )

  await t.test('C3 Postgres back: all is as before', async (t) => {
    postgres.heal()
    await healthy(url)
    t.match(
      await token.call('PATCH', path, { name: 'Again', version: 2 }),
      { status: 200 },
      'nothing was done twice',
    )
    t.match(await (await withSession(url, ada)).get('/profile'), { body: { account: { name: 'Again' } } })
    t.match(await admin.get(path), { body: { roles: [] } })
  })
})

await test('C3 it starts without Redis and without Postgres, answers health, and says 503 for data', async (t) => {
  const nobody = await freePort()
  const app = createApp(
    readConfig({
      LOG_LEVEL: 'silent',
      DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${nobody}/db`,
      REDIS_URL: `redis://:hunter2@127.0.0.1:${nobody}`,
    }),
  )
  t.teardown(() => app.close())
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const reply = await app.inject({ method, url, ...(payload ? { payload } : {}) })
    return { status: reply.statusCode, headers: reply.headers, body: reply.json() }
  }
  t.equal((await call('GET', '/livez')).status, 200)
  const health = await call('GET', '/health')
  t.match(health, { status: 503, body: { status: 'unhealthy' } })
  t.match(
    health.body.checks.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`),
    ['postgres unhealthy', 'redis degraded', 'bus degraded'],
  )
  t.notMatch(JSON.stringify(health), /hunter2/)
  const ada = { email: 'ada@example.org', password: PASSWORD }
  t.match(await call('POST', '/auth/token', ada), { status: 503, headers: { 'retry-after': /^\d+$/ } })
  t.match(await call('POST', '/users', { ...ada, name: 'Ada' }), {
    status: 503,
    body: { code: 'DATABASE_UNAVAILABLE' },
  })
  t.match(await call('GET', '/users/1'), { status: 401 })
})

await test('C2 settings that cannot be used are named, all at once', async (t) => {
  t.throws(() => readConfig({ PASSWORD_MEMORY: '64', CACHE_TTL_USERS: '5 parsecs' }), {
    code: 'LOCKSTEP_SETTINGS_INVALID',
    problems: [/DATABASE_URL is not set/, /CACHE_TTL_USERS/, /PASSWORD_MEMORY/],
  })
  const settings = readConfig({ DATABASE_URL: 'postgres://127.0.0.1:1/none', NODE_ENV: 'production' })
  t.throws(() => createApp(settings), { message: /TOKEN_KEY is not set.*production/s })
})
