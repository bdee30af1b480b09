import { until } from '@lockstep/testing'
import { test } from 'tap'
import Type from 'typebox'
import { openBookshop, secrets } from './bookshop.ts'
import { asking, logIn, operator, register } from './client.ts'
import { LiveFeed } from './live-feed.ts'

const LIMIT = 300
const SERVICES = ['catalog', 'users', 'orders', 'activity']

const Order = Type.Object({ id: Type.Integer(), state: Type.String() })
const Orders = Type.Object({ items: Type.Array(Order), total: Type.Integer() })
const Stock = Type.Object({ available: Type.Integer() })
const Items = Type.Object({ items: Type.Array(Type.Unknown()) })

await test('the bookshop, as its users have it', async (t) => {
  const shop = await openBookshop(t, { LIMIT_REQUESTS: String(LIMIT) })
  const { url } = shop
  const anybody = asking(url)
  const admin = operator(url, secrets.ADMIN_TOKEN)
  const ada = await register(url, 'Ada')
  const feed = new LiveFeed(url, ada.token)
  t.teardown(() => feed.close())
  let cookie = ''

  await t.test('A1 an account: registered once, seen by its owner and admins alone, changed', async (t) => {
    const again = await anybody('/users', { json: { email: ada.email, password: ada.password, name: 'Ada' } })
    t.match([again.status, again.body], [409, { code: 'EMAIL_TAKEN' }])
    t.match((await ada.ask(`/users/${ada.id}`)).body, { id: ada.id, email: ada.email })
    t.equal((await anybody(`/users/${ada.id}`)).status, 401)
    t.match((await ada.ask('/users')).status, 403)
    const changed = await ada.ask(`/users/${ada.id}`, { method: 'PATCH', json: { name: 'Ada L.' } })
    t.match([changed.status, changed.body], [200, { name: 'Ada L.' }])
    const after = { 'lockstep-write': changed.headers.get('lockstep-write') ?? '' }
    for (let n = 0; n < 4; n++) {
      t.match((await ada.ask(`/users/${ada.id}`, { headers: after })).body, { name: 'Ada L.' })
    }
    const all = await admin('/users?limit=10')
    t.equal(all.as(Items).items.length, 2, 'the first admin, and Ada')
    const { email, password } = { email: secrets.ADMIN_EMAIL, password: secrets.ADMIN_PASSWORD }
    const first = asking(url, { authorization: `Bearer ${await logIn(url, email, password)}` })
    t.equal((await first('/users')).status, 200, 'the first admin may')
  })

  await t.test(
    'S1 D1 a session: by a cookie that scripts do not see; the profile counts logins',
    async (t) => {
      const { email, password } = ada
      const login = await anybody('/auth/login', { json: { email, password } })
      const given = login.headers.get('set-cookie') ?? ''
      t.equal(login.status, 200)
      t.match(given, /HttpOnly/)
      cookie = given.split(';')[0] ?? ''
      const profile = await asking(url, { cookie })('/profile')
      t.match([profile.status, profile.body], [200, { account: { email }, profile: { logins: 2 } }])
      t.equal((await asking(url, { cookie })('/orders')).status, 200, 'in every service')
    },
  )

  await t.test(
    'A3 K13 D3 browsing: from memory, unchanged by its ETag; tags, and those in common',
    async (t) => {
      const book = await until('a replica answers from memory', async () => {
        const answer = await anybody('/books/42')
        return answer.headers.get('cache-status')?.startsWith('lockstep-l1; hit') ? answer : undefined
      })
      const etag = book.headers.get('etag') ?? ''
      t.equal((await anybody('/books/42', { headers: { 'if-none-match': etag } })).status, 304)
      for (const [id, tag] of [
        [42, 'classic'],
        [42, 'sea'],
        [43, 'classic'],
      ]) {
        t.equal((await admin(`/books/${id}/tags/${tag}`, { method: 'PUT' })).status, 201)
      }
      t.match((await anybody('/books/42/common-tags/43')).body, { tags: ['classic'] })
    },
  )

  await t.test('A4 an order: the same key is the same order, also at once', async (t) => {
    const headers = { 'idempotency-key': 'first' }
    const json = { items: [{ bookId: 42, quantity: 2 }] }
    const answers = await Promise.all(Array.from({ length: 6 }, () => ada.ask('/orders', { json, headers })))
    t.same(
      answers.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 200, 200, 200, 200, 201],
    )
    t.equal(new Set(answers.map((answer) => answer.as(Order).id)).size, 1)
    t.equal((await ada.ask('/orders', { json })).status, 400, 'a key is needed')
    const other = { items: [{ bookId: 43, quantity: 1 }] }
    t.equal((await ada.ask('/orders', { json: other, headers })).status, 422)
    t.equal((await anybody('/stock/42')).as(Stock).available, 98)
  })

  await t.test('A5 D2 D4 P1 the order arrives on the feed, in the inbox, on the leaderboard', async (t) => {
    await until('the feed has it', () => feed.notices.length === 1, 60_000)
    t.match(feed.notices[0]?.text, /^Order \d+ is complete/)
    t.match((await ada.ask('/inbox')).body, { items: [{ text: feed.notices[0]?.text }] })
    t.match((await anybody('/leaderboard')).body, { items: [{ rank: 1, bookId: 42, score: 2 }] })
    const told = await admin('/notifications', { json: { user: String(ada.id), text: 'Hello' } })
    t.match([told.status, told.body], [202, { receivers: 2 }])
    await until('so does a notification', () => feed.notices.length === 2)
  })

  await t.test(
    'S4 A4 A5 a replica of each service is killed under load: nothing is lost, nothing done twice',
    async (t) => {
      const ORDERS = 24
      const bob = await register(url, 'Bob')
      const bobs = new LiveFeed(url, bob.token)
      t.teardown(() => bobs.close())
      await until('the feed is open', () => bobs.opened > 0)
      const ids = new Set<number>()
      const place = async (number: number) => {
        const asked = {
          json: { items: [{ bookId: 50, quantity: 1 }] },
          headers: { 'idempotency-key': `n${number}` },
        }
        // What a client does that got no answer: the same again.
        const answer = await until(
          `order ${number} is placed`,
          async () => {
            const found = await bob.ask('/orders', asked)
            return found.status < 300 && found
          },
          60_000,
        )
        ids.add(answer.as(Order).id)
      }
      const batch = (n: number) => Array.from({ length: ORDERS / 4 }, (_, at) => place((n * ORDERS) / 4 + at))
      for (const [at, service] of SERVICES.entries()) {
        const placed = batch(at)
        await shop.replicas.get(`${service}-1`)?.kill()
        await Promise.all(placed)
      }
      const done = async () => {
        const { items, total } = (await bob.ask(`/orders?limit=${ORDERS}`)).as(Orders)
        return total === ORDERS && items.every(({ state }) => state === 'completed')
      }
      await until(
        'every order is complete',
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 500))
          return done()
        },
        120_000,
      )
      t.equal(ids.size, ORDERS)
      t.equal((await admin('/stock/50')).as(Stock).available, 100 - ORDERS)
      t.match((await anybody('/leaderboard/50')).body, { score: ORDERS })
      await until('the feed has every order', () => bobs.notices.length >= ORDERS, 60_000)
      t.same(new Set(bobs.notices.map(({ orderId }) => Number(orderId))), ids)
      t.equal(bobs.notices.length, ORDERS, 'none twice')
      t.same(bobs.others, [], 'and no reset')
      t.match((await bob.ask('/inbox/length')).body, { length: ORDERS })

      await Promise.all(SERVICES.map((service) => shop.revive(`${service}-1`)))
      await shop.allWell()
    },
  )

  await t.test('A2 K4 K11 figures and clearing of every service, for admins', async (t) => {
    for (const service of SERVICES) {
      const stats = await admin(`/services/${service}/cache/stats`)
      t.match([stats.status, stats.body], [200, { hits: { l1: Number }, redis: { usedMemory: Number } }])
      const cleared = await admin(`/services/${service}/cache/clear?pattern=*`, { method: 'DELETE' })
      t.match([cleared.status, cleared.body], [200, { removed: Number, outcome: 'applied' }])
      t.equal((await ada.ask(`/services/${service}/cache/stats`)).status, 403)
      t.equal((await anybody(`/services/${service}/cache/clear?pattern=*`, { method: 'DELETE' })).status, 401)
    }
  })

  await t.test('one document of all services, whose addresses are there', async (t) => {
    const Document = Type.Object({ paths: Type.Record(Type.String(), Type.Unknown()) })
    const { paths } = (await anybody('/docs/json')).as(Document)
    const expected = [
      '/books/{id}',
      '/users',
      '/auth/token',
      '/orders/{id}/history',
      '/stock/{bookId}',
      '/feed',
    ]
    for (const path of expected) t.ok(path in paths, path)
    for (const service of SERVICES) t.ok(`/services/${service}/health` in paths)
    t.equal((await anybody('/docs/')).status, 200)
  })

  await t.test(`S2 ${LIMIT} requests a minute, over all replicas; then 429 with Retry-After`, async (t) => {
    const statuses: number[] = []
    let refused = await anybody('/leaderboard')
    while (refused.status !== 429 && statuses.length <= LIMIT) {
      statuses.push(refused.status)
      refused = await anybody('/leaderboard')
    }
    t.equal(refused.status, 429)
    t.ok(Number(refused.headers.get('retry-after')) > 0)
    t.match(refused.headers.get('content-type'), /problem\+json/)
    t.equal((await ada.ask('/inbox')).status, 200, 'a user has a budget of his own')
    t.equal((await anybody('/books/1')).status, 200, 'reading the catalogue is not limited')
  })

  await t.test('S1 logged out everywhere: no token, no cookie and no feed is good any more', async (t) => {
    t.match(await ada.ask('/auth/logout-everywhere', { method: 'POST' }), {
      status: 200,
      body: { sessions: 1 },
    })
    for (const path of ['/profile', '/orders', '/inbox', '/sessions', `/users/${ada.id}`]) {
      for (let replica = 0; replica < 2; replica++) {
        t.equal((await ada.ask(path)).status, 401, path)
        t.equal((await asking(url, { cookie })(path)).status, 401, `${path} by the cookie`)
      }
    }
    await until('the feed is refused', () => feed.refused === 401, 60_000)
    t.equal(feed.notices.length, 2)
    const token = await logIn(url, ada.email, ada.password)
    t.equal(
      (await asking(url, { authorization: `Bearer ${token}` })('/profile')).status,
      200,
      'a new login is',
    )
    t.equal((await admin(`/users/${ada.id}`, { method: 'DELETE' })).status, 204)
    t.match((await admin(`/users/${ada.id}`)).status, 404)
  })
})
