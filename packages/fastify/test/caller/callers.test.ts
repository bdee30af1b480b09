import { test } from 'tap'
import { KEY, OPERATOR, open } from './rig.ts'

await test('A1 who calls: by token, by session, or as the operator', async (t) => {
  const { app, tokens, get, bearer } = await open(t)
  const generation = await app.sessions.generation('17')
  const { token } = await tokens.issue({ user: '17', roles: [], generation })
  const user = { id: '17', roles: [], via: 'token' }

  t.match((await get('/known')).json(), { status: 401, code: 'CALLER_REQUIRED' })
  t.equal((await get('/known')).headers['www-authenticate'], 'Bearer realm="bookshop"')
  t.same((await bearer('/known', token)).json(), user)
  t.equal((await bearer('/known', token)).headers['cache-control'], 'no-store')
  t.same((await get('/maybe')).json(), { caller: null })
  t.same((await bearer('/maybe', token)).json(), { caller: user })
  t.same((await bearer('/open', token)).json(), { caller: null }, 'a route that does not ask is not told')

  const forged = await bearer('/maybe', `${token.slice(0, -4)}AAAA`)
  t.match(forged.json(), { status: 401, code: 'TOKEN_INVALID' }, 'one that is wrong is not taken for none')
  t.match(forged.headers['www-authenticate'], /error="invalid_token"/)
  t.match((await get('/known', { authorization: 'Basic YTpi' })).json(), { code: 'TOKEN_INVALID' })

  t.match((await bearer('/admin', token)).json(), { status: 403, code: 'FORBIDDEN' })
  t.match((await bearer('/service', token)).json(), { status: 403, code: 'FORBIDDEN' })
  t.match((await bearer('/admin', OPERATOR)).json(), { id: 'operator', via: 'operator' })
  t.match((await bearer('/admin', `${OPERATOR}x`)).json(), { code: 'TOKEN_INVALID' })
  const service = await tokens.issue({ user: 'orders', roles: ['service'] })
  t.match((await bearer('/service', service.token)).json(), { id: 'orders' })
  t.match((await bearer('/admin', service.token)).json(), { code: 'FORBIDDEN' })

  const login = await app.inject({ method: 'POST', url: '/login' })
  const [cookie = ''] = String(login.headers['set-cookie']).split(';')
  t.same((await get('/admin', { cookie })).json(), { id: '17', roles: ['admin'], via: 'session' })
  t.match((await get('/known', { cookie, authorization: `Bearer ${service.token}` })).json(), {
    id: 'orders',
  })
})

await test('S1 a log-out everywhere ends tokens, too', async (t) => {
  const { app, tokens, bearer } = await open(t)
  const generation = await app.sessions.generation('17')
  const { token } = await tokens.issue({ user: '17', roles: [], generation })
  t.equal((await bearer('/known', token)).statusCode, 200)
  await app.sessions.endAll('17')
  t.match((await bearer('/known', token)).json(), { status: 401, code: 'TOKEN_INVALID' })
  const without = await tokens.issue({ user: '17', roles: ['admin'] })
  t.match(
    (await bearer('/known', without.token)).json(),
    { code: 'TOKEN_INVALID' },
    'none is issued around that',
  )
})

await test('K6 without Redis a token is good by its signature, but not for what an admin changes', async (t) => {
  const { app, tokens, bearer, get } = await open(t, { REDIS_URL: 'redis://127.0.0.1:1' })
  const user = await tokens.issue({ user: '17', roles: [], generation: 'g' })
  const admin = await tokens.issue({ user: '1', roles: ['admin'], generation: 'g' })
  t.match((await bearer('/known', user.token)).json(), { id: '17' })
  t.match((await bearer('/admin', admin.token)).json(), { id: '1' })
  const authorization = `Bearer ${admin.token}`
  const refused = await app.inject({ method: 'POST', url: '/admin', headers: { authorization } })
  t.match(refused.json(), { status: 503, code: 'SESSION_STORE_UNAVAILABLE' })
  t.equal(refused.headers['retry-after'], '1')
  t.match((await bearer('/admin', OPERATOR)).json(), { id: 'operator' })
  t.match((await get('/known')).json(), { status: 401 })
})

await test('C2 in production there must be keys', async (t) => {
  const [url, production] = ['redis://127.0.0.1:1', { NODE_ENV: 'production' }]
  await t.rejects(open(t, { REDIS_URL: url, ...production, TOKEN_KEY: '' }), {
    code: 'LOCKSTEP_SETTINGS_INVALID',
    message: /TOKEN_KEY is not set/,
  })
  await t.rejects(
    open(t, { REDIS_URL: url, ...production, SESSION_COOKIE_SECRET: '' }),
    /SESSION_COOKIE_SECRET/,
  )
  await t.rejects(open(t, { REDIS_URL: url, TOKEN_KEY: 'short' }), /TOKEN_KEY/)
  const made = await open(t, { REDIS_URL: url, TOKEN_KEY: '' })
  const { token } = await made.tokens.issue({ user: '17', roles: [], generation: 'g' })
  t.match((await made.bearer('/known', token)).json(), { id: '17' }, 'elsewhere a process makes up its own')
  const other = await open(t, { REDIS_URL: url, TOKEN_KEY: KEY })
  t.match((await other.bearer('/known', token)).json(), { code: 'TOKEN_INVALID' })
})

await test('S2 users have their own budgets, addresses without one theirs, services none', async (t) => {
  const { app, tokens, get, bearer } = await open(t, { LIMIT_REQUESTS: '3' })
  const generation = await app.sessions.generation('17')
  const { token } = await tokens.issue({ user: '17', roles: [], generation })
  const service = await tokens.issue({ user: 'orders', roles: ['service'] })
  for (let n = 0; n < 3; n++) t.equal((await get('/open')).statusCode, 200)
  const refused = await get('/open')
  t.equal(refused.statusCode, 429)
  t.ok(Number(refused.headers['retry-after']) > 0)
  for (let n = 0; n < 3; n++) t.equal((await bearer('/known', token)).statusCode, 200)
  t.equal((await bearer('/known', token)).statusCode, 429)
  for (let n = 0; n < 5; n++) t.equal((await bearer('/service', service.token)).statusCode, 200)
  t.equal((await get('/livez')).statusCode, 200)
})

await test('S2 refusals are counted: nobody guesses tokens at any speed', async (t) => {
  const { app, tokens, bearer } = await open(t, { LIMIT_REQUESTS: '3' })
  for (let n = 0; n < 3; n++) t.equal((await bearer('/known', `guess${n}`)).statusCode, 401)
  const refused = await bearer('/admin', 'guess')
  t.equal(refused.statusCode, 429)
  t.ok(Number(refused.headers['retry-after']) > 0)
  const generation = await app.sessions.generation('17')
  const { token } = await tokens.issue({ user: '17', roles: [], generation })
  for (let n = 0; n < 3; n++)
    t.equal((await bearer('/admin', token)).statusCode, 403, 'a user has a budget of his own')
  t.equal((await bearer('/admin', token)).statusCode, 429)
  t.equal((await bearer('/known', token)).statusCode, 200, 'and what he may do is not counted with it')
})

await test('S1 a page of another origin changes nothing by the cookie of a session', async (t) => {
  const { app, get } = await open(t)
  const login = await app.inject({ method: 'POST', url: '/login' })
  const [cookie = ''] = String(login.headers['set-cookie']).split(';')
  const post = (site: string) =>
    app.inject({ method: 'POST', url: '/admin', headers: { cookie, 'sec-fetch-site': site } })
  for (const site of ['cross-site', 'same-site']) {
    t.match((await post(site)).json(), { status: 403, code: 'CROSS_SITE' })
    t.equal((await get('/admin', { cookie, 'sec-fetch-site': site })).statusCode, 200, 'it may follow a link')
  }
  t.equal((await post('same-origin')).statusCode, 200)
})

await test('a body of plain text is not taken for JSON', async (t) => {
  const { app } = await open(t, { REDIS_URL: 'redis://127.0.0.1:1' })
  const headers = { 'content-type': 'text/plain' }
  t.match((await app.inject({ method: 'POST', url: '/login', headers, body: '{}' })).json(), { status: 415 })
})
