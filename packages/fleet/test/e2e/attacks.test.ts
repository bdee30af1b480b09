import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { until } from '@lockstep/testing'
import { type Test, test } from 'tap'
import Type from 'typebox'
import { openBookshop, secrets } from './bookshop.ts'
import { type Ask, type Asked, asking, bearer, logIn, operator, register } from './client.ts'

const SERVICES = ['catalog', 'users', 'orders', 'activity']
/** A route of each service that needs a caller. */
const GUARDED = ['/profile', '/orders', '/inbox', '/sessions', '/services/catalog/cache/stats']
const Order = Type.Object({ id: Type.Integer() })
const Refusal = Type.Object({ code: Type.Literal('LOGIN_FAILED'), detail: Type.String() })
const Cleared = Type.Object({ removed: Type.Integer() })

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as we like it. */
function forged(claims: object, { header = {}, key = secrets.TOKEN_KEY, hash = 'sha256' } = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const all = {
    roles: ['admin'],
    sub: '1',
    iss: 'lockstep',
    aud: 'bookshop',
    iat: now,
    exp: now + 600,
    ...claims,
  }
  const text = `${base64({ alg: 'HS256', typ: 'JWT', ...header })}.${base64(all)}`
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
}

/** Sends bytes to the gateway; what comes until the connection closes. */
async function raw(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

await test('the bookshop under attack', async (t) => {
  // High enough for the attacks, low enough to be run into.
  const LIMIT = 500
  const shop = await openBookshop(t, {
    LIMIT_REQUESTS: String(LIMIT),
    LOGIN_ADDRESS_ATTEMPTS: '100',
    GATEWAY_HEADERS_TIMEOUT: '3s',
  })
  const { url } = shop
  const anybody = asking(url)
  const admin = operator(url, secrets.ADMIN_TOKEN)
  const [eve, ada] = await Promise.all([register(url, 'Eve'), register(url, 'Ada')])
  const placed = await ada.ask('/orders', {
    json: { items: [{ bookId: 42, quantity: 1 }] },
    headers: { 'idempotency-key': 'hers' },
  })
  const order = placed.as(Order).id

  const allAre = async (
    t: Pick<Test, 'equal' | 'match'>,
    status: number,
    asks: readonly (readonly [string, Asked?])[],
    who: Ask,
  ) => {
    for (const [path, asked] of asks) {
      const answer = await who(path, asked)
      t.equal(answer.status, status, `${asked?.method ?? 'GET'} ${path}: ${answer.text.slice(0, 200)}`)
      t.match(answer.headers.get('content-type'), 'application/problem+json')
    }
  }

  await t.test("A1 A4 A5 other users' data: neither seen nor changed, nor known to be there", async (t) => {
    const hers = `/users/${ada.id}`
    await allAre(
      t,
      403,
      [
        [hers],
        ['/users/999999'],
        [`/users/by-email/${ada.email}`],
        ['/users/by-email/nobody@bookshop.example'],
        ['/users'],
        [hers, { method: 'PATCH', json: { name: 'Eve' } }],
        [hers, { method: 'DELETE' }],
        [`/users/${eve.id}/roles`, { method: 'PUT', json: { roles: ['admin'] } }],
        ['/notifications', { json: { user: String(ada.id), text: 'x' } }],
        ['/events', { json: { id: 'x', type: 'order.completed', user: '1', orderId: '1', items: [] } }],
        ['/stock/42', { method: 'PUT', json: { available: 0 } }],
        ['/leaderboard/42', { method: 'PUT', json: { score: 9 } }],
        [`/orders/${order}/process`, { method: 'POST' }],
        ...SERVICES.map((name) => [`/services/${name}/cache/stats`] as const),
        ...SERVICES.map((name) => [`/services/${name}/cache/clear?pattern=*`, { method: 'DELETE' }] as const),
      ],
      eve.ask,
    )
    await allAre(
      t,
      404,
      [
        [`/orders/${order}`],
        [`/orders/${order}/history`],
        [`/orders/${order}/cancel`, { method: 'POST' }],
        ['/orders/999999'],
      ],
      eve.ask,
    )
    const same = { json: { items: [{ bookId: 42, quantity: 1 }] }, headers: { 'idempotency-key': 'hers' } }
    const own = await eve.ask('/orders', same)
    t.equal(own.status, 201, 'the key of another is not his')
    t.not(own.as(Order).id, order)
    t.match((await eve.ask('/inbox?user=1')).status, 200)
    t.match((await ada.ask(hers)).body, { name: 'Ada' })
  })

  await t.test('A1 forged tokens', async (t) => {
    const [head = '', claims = '', signature = ''] = eve.token.split('.')
    const past = Math.floor(Date.now() / 1000) - 600
    const none = `${base64({ alg: 'none' })}.${base64({ sub: '1', roles: ['admin'], exp: past + 9999 })}.`
    const tampered = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), roles: ['admin'] }
    const tokens = {
      'alg none': none,
      'alg None': `${base64({ alg: 'None' })}.${claims}.`,
      'no signature': `${head}.${claims}.`,
      'other roles, the old signature': `${head}.${base64(tampered)}.${signature}`,
      'another key': forged({}, { key: 'x'.repeat(40) }),
      'an empty key': forged({}, { key: '' }),
      'the cookie secret': forged({}, { key: secrets.SESSION_COOKIE_SECRET }),
      'another algorithm': forged({}, { header: { alg: 'HS512' }, hash: 'sha512' }),
      'a key of its own': forged({}, { header: { jwk: { kty: 'oct', k: 'eA' } }, key: 'x' }),
      'a key elsewhere': forged(
        {},
        { header: { jku: 'http://127.0.0.1:1/', kid: '../../dev/null' }, key: '' },
      ),
      expired: forged({ iat: past - 600, exp: past }),
      'without an end': forged({ exp: undefined }),
      'of another audience': forged({ aud: 'bank' }),
      'of another issuer': forged({ iss: 'evil' }),
      'without a generation': forged({}),
      'of another generation': forged({ gen: 'guessed' }),
      'of a service that is an admin': forged({ sub: 'orders', roles: ['service', 'admin'] }),
      'of nobody': forged({ sub: '', gen: 'x' }),
      'roles that are no list': forged({ roles: 'admin', gen: 'x' }),
      'no token': 'x.y.z',
      'much of nothing': 'a'.repeat(8000),
    }
    for (const [what, token] of Object.entries(tokens)) {
      for (const path of GUARDED) {
        const answer = await asking(url, bearer(token))(path)
        t.equal(answer.status, 401, `${what}: ${path} ${answer.text}`)
      }
    }
    const challenge = (await asking(url, bearer(none))('/profile')).headers.get('www-authenticate')
    t.match(challenge, /^Bearer /)
    for (const authorization of [
      '',
      'Bearer',
      `Basic ${btoa('a:b')}`,
      `Bearer ${eve.token} x`,
      `bearer=${eve.token}`,
    ]) {
      t.equal((await asking(url, { authorization })('/profile')).status, 401, authorization)
    }
  })

  await t.test('S1 fixated, guessed and stolen sessions', async (t) => {
    const login = (cookie: string) =>
      asking(url, { cookie })('/auth/login', { json: { email: eve.email, password: eve.password } })
    const cookieOf = (answer: { headers: Headers }) =>
      (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const first = cookieOf(await login(''))
    const second = cookieOf(await login(first))
    t.not(second, first, 'a login has a new id')
    const fixated = cookieOf(await login('session=fixated.by-eve'))
    t.notMatch(fixated, /fixated/)
    const [id = ''] = decodeURIComponent(first.replace('session=', '')).split('.')
    const signature = createHmac('sha256', 'x'.repeat(32)).update(id).digest('base64').replace(/=+$/, '')
    const refused = {
      'one that was never given': 'session=fixated.by-eve',
      'no signature': `session=${id}`,
      'the signature of another key': `session=${encodeURIComponent(`${id}.${signature}`)}`,
      'a name like it': `Session=${first.replace('session=', '')}`,
      'the name for TLS': `__Host-session=${first.replace('session=', '')}`,
      'a token as cookie': `session=${eve.token}`,
      'much of nothing': `session=${'a'.repeat(4000)}`,
    }
    for (const [what, cookie] of Object.entries(refused)) {
      for (const path of ['/profile', '/orders', '/inbox']) {
        t.equal((await asking(url, { cookie })(path)).status, 401, `${what}: ${path}`)
      }
    }
    t.equal((await asking(url, { cookie: fixated })('/profile')).status, 200)
    t.equal((await asking(url, { cookie: fixated })('/auth/logout', { method: 'POST' })).status, 204)
    t.equal((await asking(url, { cookie: fixated })('/profile')).status, 401, 'what is ended stays ended')
  })

  await t.test('oversized and malformed bodies', async (t) => {
    const large = 'x'.repeat(70_000)
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'bad' }
    const book = { bookId: 1, quantity: 1 }
    await allAre(
      t,
      413,
      ['/users', '/orders', '/auth/token', '/events'].map((path) => [path, { json: { large } }] as const),
      eve.ask,
    )
    const bad = [
      '{',
      '',
      'null',
      '[]',
      '"x"',
      '{"__proto__":{"roles":["admin"]}}',
      '{"constructor":{"prototype":{"roles":["admin"]}}}',
      `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      JSON.stringify({ items: [] }),
      JSON.stringify({ items: [{ ...book, quantity: -1 }] }),
      JSON.stringify({ items: [{ ...book, quantity: 1.5 }] }),
      JSON.stringify({ items: [{ ...book, bookId: '1; drop table orders' }] }),
      JSON.stringify({ items: [{ ...book, bookId: 1e300 }] }),
      JSON.stringify({ items: [{ ...book, price: 0 }] }),
      JSON.stringify({ items: [book], user: String(ada.id) }),
      JSON.stringify({ items: Array.from({ length: 51 }, (_, at) => ({ bookId: at + 1, quantity: 1 })) }),
    ]
    for (const body of bad) {
      const answer = await eve.ask('/orders', { method: 'POST', body, headers })
      t.equal(answer.status, 400, `${body.slice(0, 60)}: ${answer.text.slice(0, 200)}`)
      t.match(answer.headers.get('content-type'), 'application/problem+json')
    }
    const account = { email: 'mallory@bookshop.example', password: 'a password of hers', name: 'Mallory' }
    const accounts = [
      { ...account, roles: ['admin'] },
      { ...account, id: 1 },
      { ...account, email: 'no address' },
      { ...account, email: ['a@b.example', 'c@d.example'] },
      { ...account, name: 'a\u0000b' },
      { ...account, password: 'short' },
      { ...account, password: 'x'.repeat(129) },
      { ...account, password: { length: 20 } },
    ]
    for (const json of accounts) {
      const answer = await anybody('/users', { json })
      t.equal(answer.status, 400, `${JSON.stringify(json)}: ${answer.text}`)
    }
    const text = await eve.ask('/orders', {
      body: 'items=1',
      headers: { 'idempotency-key': 'x', 'content-type': 'application/xml' },
    })
    t.equal(text.status, 415)
  })

  await t.test('parameters that are smuggled in', async (t) => {
    await allAre(
      t,
      400,
      [
        ['/books?limit=1&limit=100000'],
        ['/books?limit=-1'],
        ['/books?limit=1e9'],
        ['/books/1%00'],
        ['/books/1;2'],
        ["/books/1'%20or%201=1"],
        ['/books/1%0d%0aset-cookie:%20a=b'],
        ['/leaderboard?limit=101'],
        ['/leaderboard/range?min=5&max=1'],
        ['/stock/999999999999'],
        ['/orders/1x'],
        ['/orders?skip=-1'],
        [`/users/${eve.id}%2f..%2f${ada.id}`],
      ],
      eve.ask,
    )
    t.equal((await eve.ask(`/users/${ada.id}?id=${eve.id}`)).status, 403)
    t.match((await eve.ask(`/inbox?user=${ada.id}`)).body, { items: [] })
  })

  await t.test('A2 K4 patterns that reach further than they say', async (t) => {
    const keys = ['/books/1', '/books/2', `/users/${ada.id}`]
    const warm = async () => {
      for (const key of keys) for (let n = 0; n < 3; n++) await ada.ask(key)
    }
    const clear = async (service: string, query: string) => {
      const answer = await admin(`/services/${service}/cache/clear?${query}`, { method: 'DELETE' })
      return { status: answer.status, removed: answer.status === 200 ? answer.as(Cleared).removed : 0 }
    }
    await warm()
    const harmless = [
      'pattern=[',
      'pattern=%5B!-~',
      'pattern=%5C',
      'pattern=%5C*',
      'pattern=%5B*%5D',
      'tag=*',
      'tag=%5B',
      'tag=pages%0a',
      'cache=*',
      'cache=books:v*',
      'cache=__proto__',
      'pattern=users:*',
      'pattern=*%00*',
      'pattern=',
      '',
      'pattern=*&tag=x',
      'pattern=a&pattern=*',
    ]
    for (const query of harmless) {
      const { status, removed } = await clear('catalog', query)
      t.ok(status === 200 || status === 400 || status === 404, `${query}: ${status}`)
      t.equal(removed, 0, query)
    }
    t.match(
      await clear('activity', 'pattern=*'),
      { status: 200, removed: 0 },
      'the caches of others are theirs',
    )
    await warm()
    const books = await clear('catalog', 'pattern=books:v1:?')
    t.equal(books.removed, 2, 'and what is meant is found')
    const hostile = await anybody('/books/1/tags/%2A', { method: 'PUT' })
    t.ok([201, 400].includes(hostile.status), `a tag that is a pattern: ${hostile.status}`)
    t.match((await anybody('/tags/%2A/books')).status, hostile.status === 400 ? 400 : 200)
  })

  await t.test('requests within requests, and paths out of the service', async (t) => {
    const { host } = new URL(url)
    const inner = `DELETE /users/${ada.id} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${secrets.ADMIN_TOKEN}\r\n\r\n`
    const heads = [
      'Content-Length: 4\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
      'Content-Length: 0\r\nContent-Length: 4',
      'Transfer-Encoding : chunked',
      'X: y\rTransfer-Encoding: chunked',
    ]
    for (const head of heads) {
      const said = await raw(
        url,
        `POST /auth/logout HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n\r\n0\r\n\r\n${inner}`,
      )
      t.match(said, /^HTTP\/1\.1 400 /)
      t.equal(said.match(/HTTP\/1\.1 \d/g)?.length, 1, `one answer: ${head}`)
    }
    const paths = [
      '/users/../services/users/cache/stats',
      '/services/users/..%2forders/cache/stats',
      '/%2e%2e/users',
      '/books/..;/users',
    ]
    for (const path of paths) {
      const said = await raw(url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      t.match(said, /^HTTP\/1\.1 40[04] /, path)
    }
    t.equal((await admin(`/users/${ada.id}`)).status, 200, 'she is still there')
  })

  await t.test('slow requests: 300 connections that dawdle stop nobody', async (t) => {
    const { port } = new URL(url)
    const sockets: Socket[] = Array.from({ length: 300 }, (_, at) => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => {})
      const line = at % 2 === 0 ? 'GET /books/1' : 'POST /users'
      socket.write(`${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n${at % 2 === 0 ? '' : '\r\n{'}`)
      return socket
    })
    t.teardown(() => sockets.map((socket) => socket.destroy()))
    await until('they are all there', () => sockets.every(({ connecting }) => !connecting))
    for (let n = 0; n < 20; n++) t.equal((await anybody(`/books/${n + 1}`)).status, 200)
    t.equal((await eve.ask('/profile')).status, 200)
    for (const socket of sockets) socket.resume()
    await until(
      'who sends no headers is put out',
      () => sockets.filter(({ closed }) => closed).length >= 150,
      60_000,
    )
  })

  await t.test('S2 who claims to be somebody else has the same budget', async (t) => {
    const claim = (n: number) => ({
      'x-forwarded-for': `10.0.${n >> 8}.${n & 255}`,
      forwarded: `for=10.1.0.${n & 255}`,
      x_forwarded_for: `10.2.0.${n & 255}`,
      'x-real-ip': `10.3.0.${n & 255}`,
    })
    let asked = 0
    let answer = await anybody('/leaderboard')
    while (answer.status === 200 && asked <= LIMIT) {
      asked++
      answer = await anybody('/leaderboard', { headers: claim(asked) })
    }
    t.equal(answer.status, 429)
  })

  await t.test(
    'S2 guessing a password: the account is closed to guesses, also on other replicas and from elsewhere',
    async (t) => {
      const guess = (email: string, n: number) =>
        anybody('/auth/token', {
          json: { email, password: `guess number ${n}` },
          headers: { 'x-forwarded-for': `10.9.0.${n}` },
        })
      const statuses: number[] = []
      for (let n = 0; n < 12; n++)
        statuses.push((await guess(n % 2 === 0 ? ada.email : ada.email.toUpperCase(), n)).status)
      t.equal(statuses.filter((status) => status === 401).length, 10)
      t.same(statuses.slice(10), [429, 429])
      const right = await anybody('/auth/token', { json: { email: ada.email, password: ada.password } })
      t.equal(right.status, 429, 'nor does the right one tell')
      t.ok(Number(right.headers.get('retry-after')) > 0)
      const [nobody, somebody] = [await guess('nobody@bookshop.example', 1), await guess(eve.email, 1)]
      t.equal(nobody.status, 401)
      t.equal(nobody.as(Refusal).detail, somebody.as(Refusal).detail, 'nobody learns who has an account')
      t.ok(await logIn(url, eve.email, eve.password), 'others log in')
    },
  )
})
