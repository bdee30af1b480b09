import { test } from 'tap'
import { userRepository } from '../src/accounts/repository.ts'
import { lookAt } from './fixtures/redis.ts'
import { ADMIN, Client, openShop, PASSWORD, register, withSession, withToken } from './fixtures/shop.ts'

const WRONG = 'a-password-that-is-wrong'

await test('logging in and out, by token and by session', async (t) => {
  const shop = await openShop(t, { LOG_LEVEL: 'trace' })
  const { url, output } = await shop.replica()
  const anonymous = new Client(url)

  await t.test('A1 login gives a bearer token, for 15 minutes, that is never cached', async (t) => {
    const ada = await register(url)
    const answer = await anonymous.post('/auth/token', { email: ada.email, password: PASSWORD })
    t.match(answer, {
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { token: /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/, expiresIn: 900, user: { id: ada.id } },
    })
    const bearer = new Client(url, { authorization: `Bearer ${answer.body.token}` })
    t.match(await bearer.get('/profile'), { status: 200, body: { account: { id: ada.id } } })
    for (const authorization of ['Bearer x', 'Basic YTpi', `Bearer ${answer.body.token}x`, 'Bearer ']) {
      t.match(await anonymous.get('/profile', { authorization }), { status: 401 }, authorization.slice(0, 20))
    }
  })

  await t.test(
    'A1 nobody learns who has an account: status, body, headers and work are the same',
    async (t) => {
      const ada = await register(url)
      const plain = ({ status, body, headers }: Awaited<ReturnType<Client['get']>>) => ({
        status,
        body: { ...body, instance: '' },
        headers: { ...headers, date: '', ratelimit: '' },
      })
      for (const path of ['/auth/token', '/auth/login']) {
        const wrong = await anonymous.post(path, { email: ada.email, password: WRONG })
        const absent = await anonymous.post(path, { email: 'absent@example.org', password: WRONG })
        t.match(wrong, { status: 401, setCookie: '', body: { code: 'LOGIN_FAILED' } })
        t.same(plain(wrong), plain(absent), path)
      }
    },
  )

  await t.test('S1 login by cookie: HttpOnly, a new id, profile, logout', async (t) => {
    const ada = await register(url)
    const planted = await withSession(url, await register(url))
    const fixed = planted.cookie
    const browser = new Client(url, {}, fixed)
    const answer = await browser.post('/auth/login', { email: ada.email, password: PASSWORD })
    t.match(answer, {
      status: 200,
      setCookie: /^session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/,
      headers: { 'cache-control': 'no-store' },
      body: { id: ada.id },
    })
    t.not(browser.cookie, fixed, 'a session that was planted is not the one that is logged in')
    t.match(await new Client(url, {}, fixed).get('/profile'), { status: 401 })
    t.match(await browser.get('/profile'), { status: 200, body: { account: { id: ada.id } } })
    const kept = browser.cookie
    const out = await browser.post('/auth/logout')
    t.match(out, { status: 204, setCookie: /^session=; Max-Age=0/ })
    t.match(await new Client(url, {}, kept).get('/profile'), { status: 401 }, 'the cookie opens nothing')
    t.match(await browser.post('/auth/logout'), { status: 204 }, 'once more does no harm')
    t.match(await browser.get('/profile', { cookie: 'session=made-up' }), { status: 401 })
  })

  await t.test(
    'S1 a token beside a cookie is who calls; a bad one is not made good by the cookie',
    async (t) => {
      const [ada, eve] = [await register(url), await register(url)]
      const browser = await withSession(url, eve)
      const token = (await anonymous.post('/auth/token', { email: ada.email, password: PASSWORD })).body.token
      t.match(await browser.get('/profile', { authorization: `Bearer ${token}` }), {
        body: { account: { id: ada.id } },
      })
      t.match(await browser.get('/profile', { authorization: 'Bearer x' }), { status: 401 })
    },
  )

  await t.test("S1 sessions: a list of the caller's own, each of which he can end", async (t) => {
    const [ada, eve] = [await register(url), await register(url)]
    const [phone, laptop] = [await withSession(url, ada), await withSession(url, ada)]
    const foreign = (await (await withSession(url, eve)).get('/sessions')).body.items[0].reference
    const { body } = await phone.get('/sessions')
    t.equal(body.items.length, 2)
    t.equal(body.items.filter(({ current }: { current: boolean }) => current).length, 1)
    t.match(body.items[0], { reference: String, created: /Z$/, seen: /Z$/, ends: /Z$/, agent: String })
    const other = body.items.find(({ current }: { current: boolean }) => !current).reference
    t.match(await phone.call('DELETE', `/sessions/${other}`), { status: 204 })
    t.match(await laptop.get('/profile'), { status: 401 })
    t.match(await phone.get('/profile'), { status: 200 })
    t.match(await phone.call('DELETE', `/sessions/${other}`), {
      status: 404,
      body: { code: 'SESSION_NOT_FOUND' },
    })
    t.match(
      await phone.call('DELETE', `/sessions/${foreign}`),
      { status: 404 },
      "another's is not his to end",
    )
    t.equal((await (await withToken(url, eve)).get('/sessions')).body.items.length, 1)
    t.match(await anonymous.get('/sessions'), { status: 401 })
    t.match(await phone.call('DELETE', '/sessions/%00'), { status: 400 })
  })

  await t.test('S1 log-out everywhere ends sessions and tokens; a login after it holds', async (t) => {
    for (const from of ['token', 'session'] as const) {
      const ada = await register(url)
      const clients = { token: await withToken(url, ada), session: await withSession(url, ada) }
      const second = await withSession(url, ada)
      t.match(
        await clients[from].post('/auth/logout-everywhere'),
        { status: 200, body: { sessions: 2 } },
        from,
      )
      for (const client of [clients.token, clients.session, second]) {
        t.match(await client.get('/profile'), { status: 401 })
      }
      t.match(await (await withToken(url, ada)).get('/profile'), { status: 200 })
      t.match(await (await withSession(url, ada)).get('/profile'), { status: 200 })
    }
    t.match(await anonymous.post('/auth/logout-everywhere'), { status: 401 })
  })

  await t.test(
    'A1 another password: needs the current one, logs out everywhere, and is the one from then on',
    async (t) => {
      const ada = await register(url)
      const [token, session] = [await withToken(url, ada), await withSession(url, ada)]
      const password = 'another-password-of-ada'
      const path = `/users/${ada.id}`
      t.match(await token.call('PATCH', path, { password }), {
        status: 400,
        body: { code: 'PASSWORD_REQUIRED', errors: [{ field: 'body.currentPassword' }] },
      })
      t.match(await token.call('PATCH', path, { password, currentPassword: WRONG }), {
        status: 403,
        body: { code: 'PASSWORD_WRONG' },
      })
      t.match(await token.call('PATCH', path, { password: 'short', currentPassword: PASSWORD }), {
        status: 400,
      })
      t.match(await session.get('/profile'), { status: 200 }, 'nobody was logged out for that')
      t.match(await token.call('PATCH', path, { password, currentPassword: PASSWORD }), {
        status: 200,
        body: { version: 2 },
      })
      for (const client of [token, session]) t.match(await client.get('/profile'), { status: 401 })
      t.match(await anonymous.post('/auth/token', { email: ada.email, password: PASSWORD }), { status: 401 })
      t.match(await (await withToken(url, { ...ada, password })).get('/profile'), { status: 200 })

      const admin = await withToken(url, ADMIN)
      t.match(await admin.call('PATCH', path, { password: PASSWORD }), { status: 200 }, 'an admin may set it')
      t.match(await (await withToken(url, ada)).get('/profile'), { status: 200 })
      const root = (await admin.get('/profile')).body.account.id
      t.match(
        await admin.call('PATCH', `/users/${root}`, { password }),
        { status: 400, body: { code: 'PASSWORD_REQUIRED' } },
        'but must know his own',
      )
    },
  )

  await t.test('A1 of two who change a password at once with the same current one, one does', async (t) => {
    const ada = await register(url)
    const self = await withToken(url, ada)
    const [one, other] = await Promise.all(
      ['the-first-new-password', 'the-second-new-password'].map((password) =>
        self.call('PATCH', `/users/${ada.id}`, { password, currentPassword: PASSWORD }),
      ),
    )
    const statuses = [one?.status, other?.status]
    t.equal(statuses.filter((status) => status === 200).length, 1, String(statuses))
    const repository = userRepository(shop.database)
    const hash = (await repository.credentials(ada.id))?.passwordHash ?? ''
    const change = { password: { hash: `${hash}x`, replaces: hash } }
    t.match(await repository.change(ada.id, change), { kind: 'done' })
    t.match(await repository.change(ada.id, change), { kind: 'conflict' }, 'what was checked is gone')
  })

  await t.test('A1 an address in any spelling logs in; spaces and case of the password count', async (t) => {
    const ada = await register(url, 'Müller@Bücher.example', ' pässword with spaces ')
    const email = 'MU\u0308LLER@xn--bcher-kva.EXAMPLE'
    t.match(await anonymous.post('/auth/token', { email, password: ada.password.normalize('NFD') }), {
      status: 200,
      body: { user: { id: ada.id } },
    })
    for (const password of [ada.password.trim(), ada.password.toUpperCase()]) {
      t.match(await anonymous.post('/auth/token', { email, password }), { status: 401 })
    }
  })

  await t.test('A1 what is no login is refused before anything is asked', async (t) => {
    for (const path of ['/auth/token', '/auth/login']) {
      for (const body of [
        {},
        { email: ADMIN.email },
        { email: ADMIN.email, password: '' },
        { email: ADMIN.email, password: 'x'.repeat(129) },
        { email: ADMIN.email, password: 'x'.repeat(60_000) },
        { email: ADMIN.email, password: { $ne: null } },
        { email: [ADMIN.email], password: ADMIN.password },
        { ...ADMIN, roles: ['admin'] },
        [ADMIN],
      ]) {
        t.match(await anonymous.post(path, body), { status: 400 }, JSON.stringify(body).slice(0, 60))
      }
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      t.match(await anonymous.post(path, `email=${ADMIN.email}&password=${ADMIN.password}`, form), {
        status: 415,
      })
      t.match(await anonymous.post(path, JSON.stringify(ADMIN), { 'content-type': 'text/plain' }), {
        status: 415,
      })
    }
  })

  await t.test('no password, hash or token is in a log or in Redis', async (t) => {
    const secret = 'a-password-to-look-for'
    const ada = await register(url, 'secretive@example.org', secret)
    const self = await withToken(url, ada)
    await self.get('/profile')
    await self.get(`/users/${ada.id}`)
    await withSession(url, ada)
    await anonymous.post('/auth/token', { email: ada.email, password: `${secret}-too` })
    const text = await (await lookAt(t, shop.redis.url)).everything()
    t.match(text, /secretive@example.org/, 'the account is there')
    const secrets = new RegExp(`${secret}|[$]argon2|eyJ[\\w-]+\\.|${PASSWORD}`)
    t.notMatch(text, secrets)
    t.notMatch(output(), secrets)
  })
})
