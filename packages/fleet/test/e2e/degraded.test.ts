import { testRedis, until } from '@lockstep/testing'
import { type Test, test } from 'tap'
import Type from 'typebox'
import { type Bookshop, openBookshop, secrets } from './bookshop.ts'
import { type Answer, type Ask, asking, bearer, logIn, operator, register } from './client.ts'
import { health } from './shop.ts'

const Titled = Type.Object({ title: Type.String(), version: Type.Integer() })
const Order = Type.Object({ id: Type.Integer(), state: Type.String() })
const Stock = Type.Object({ available: Type.Integer() })
const READERS = 6

/** A thing that is read, by its address, and what may be said of it. */
type Read = readonly [path: string, ask: Ask]

/** Readers at the gateway until they are told to stop. Every answer of a server's fault is kept. */
function load(reads: readonly Read[]) {
  const wrong: string[] = []
  const counts = { reads: 0 }
  let stopped = false
  const reader = async () => {
    while (!stopped) {
      const [path, ask] = reads[counts.reads++ % reads.length] ?? reads[0] ?? []
      if (!path || !ask) throw new Error('nothing to read')
      const { status, text } = await ask(path)
      if (status >= 500) wrong.push(`${path}: ${status} ${text.slice(0, 200)}`)
    }
  }
  const readers = Array.from({ length: READERS }, reader)
  return {
    wrong,
    /** Waits until it has gone on for so many more reads. */
    async goOn(by: number) {
      const from = counts.reads
      await until(`${by} more reads`, () => counts.reads >= from + by, 60_000)
    },
    async stop() {
      stopped = true
      await Promise.all(readers)
      return counts.reads
    },
  }
}

const ALL = ['catalog', 'users', 'orders', 'activity']

function become(shop: Bookshop, status: string, services = ALL) {
  const own = [...shop.replicas].filter(([name]) => services.some((service) => name.startsWith(service)))
  const states = () => Promise.all(own.map(async ([name, replica]) => ({ name, now: await health(replica) })))
  return until(
    `${services.join(', ')} are ${status}`,
    async () => {
      const others = (await states()).filter(({ now }) => now !== status)
      // Told as what was last seen.
      if (others.length > 0) throw new Error(others.map(({ name, now }) => `${name} is ${now}`).join(', '))
      return true
    },
    60_000,
  )
}

await test('the bookshop without its stores', async (t) => {
  const shop = await openBookshop(t, { LIMIT_REQUESTS: '0', DATABASE_CONNECT_TIMEOUT: '2s' })
  const { url } = shop
  const anybody = asking(url)
  const admin = operator(url, secrets.ADMIN_TOKEN)
  const ada = await register(url, 'Ada')
  let { token } = ada
  const asAda: Ask = (path, asked) => asking(url, bearer(token))(path, asked)
  let orders = 0

  /** Places an order and waits until it is complete. */
  const order = async () => {
    const key = `order ${++orders}`.replace(' ', '-')
    const asked = { json: { items: [{ bookId: 7, quantity: 1 }] }, headers: { 'idempotency-key': key } }
    const placed = await until('an order is placed', async () => {
      const answer = await asAda('/orders', asked)
      return answer.status < 300 && answer
    })
    const { id } = placed.as(Order)
    await until(
      'it is complete',
      async () => (await asAda(`/orders/${id}`)).as(Order).state === 'completed',
      120_000,
    )
    return id
  }
  const first = await order()

  /** What can be read of every service without Redis. */
  const reads: Read[] = [
    ['/books/1', anybody],
    ['/books/2', anybody],
    ['/books?limit=5', anybody],
    [`/users/${ada.id}`, asAda],
    ['/profile', asAda],
    ['/orders', asAda],
    [`/orders/${first}`, asAda],
    ['/stock/7', anybody],
    ['/leaderboard', anybody],
    ['/docs/json', anybody],
  ]

  /** Changes a book and an account, and gives what they must be from now on. */
  const write = async (t: Test, title: string) => {
    const { version } = (await anybody('/books/1')).as(Titled)
    const book = await anybody('/books/1', { method: 'PATCH', json: { version, title } })
    t.equal(book.status, 200, book.text)
    const name = `Ada of ${title}`
    const account = await asAda(`/users/${ada.id}`, { method: 'PATCH', json: { name } })
    t.equal(account.status, 200, account.text)
    return { title, name }
  }
  /** On every replica, and through L1. */
  const areSeen = async (t: Test, { title, name }: { title: string; name: string }) => {
    for (const [replica, { url: own }] of shop.replicas) {
      const [path, field, expected, ask] = replica.startsWith('catalog')
        ? (['/books/1', 'title', title, asking(own)] as const)
        : ([`/users/${ada.id}`, 'name', name, asking(own, bearer(token))] as const)
      if (!/^(catalog|users)/.test(replica)) continue
      for (let n = 0; n < 3; n++) t.match((await ask(path)).body, { [field]: expected }, replica)
    }
  }

  await t.test('C3 K6 Redis is stopped and goes on: no read fails, nothing is stale', async (t) => {
    const running = load(reads)
    await running.goOn(200)
    process.kill(shop.redis.pid, 'SIGSTOP')
    t.teardown(() => process.kill(shop.redis.pid, 'SIGCONT'))
    await become(shop, 'degraded')
    await running.goOn(200)
    const written = await write(t, 'the long silence')
    t.match((await anybody('/books/1')).body, { title: written.title })
    await running.goOn(100)
    process.kill(shop.redis.pid, 'SIGCONT')
    await shop.allWell()
    await running.goOn(100)
    const asked = await running.stop()
    t.same(running.wrong, [], `of ${asked} reads`)
    await areSeen(t, written)
    t.ok(await order(), 'orders go on')
  })

  await t.test(
    'C3 K6 Redis is killed and comes back empty: no read fails, what needs it says 503',
    async (t) => {
      const { email, password } = ada
      const login = await anybody('/auth/login', { json: { email, password } })
      const bySession = asking(url, { cookie: (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '' })
      t.equal((await bySession('/profile')).status, 200)
      const running = load(reads)
      await running.goOn(200)
      await shop.redis.kill()
      await become(shop, 'degraded')
      await running.goOn(200)
      const written = await write(t, 'the empty house')
      const needing: [string, Answer][] = [
        ['inbox', await asAda('/inbox')],
        ['session', await bySession('/profile')],
        ['notification', await admin('/notifications', { json: { user: String(ada.id), text: 'x' } })],
        ['log out everywhere', await asAda('/auth/logout-everywhere', { method: 'POST' })],
      ]
      for (const [what, answer] of needing) refusedForNow(t, what, answer)
      const json = { items: [{ bookId: 7, quantity: 1 }] }
      const placed = await asAda('/orders', {
        json,
        headers: { 'idempotency-key': 'in the dark'.replaceAll(' ', '-') },
      })
      t.equal(placed.status, 201, 'an order is taken all the same')

      await testRedis(shop, shop.redis.port)
      await shop.allWell()
      await running.goOn(100)
      const asked = await running.stop()
      t.same(running.wrong, [], `of ${asked} reads`)
      t.equal((await asAda('/profile')).status, 401, 'who was logged in is not known any more')
      token = await logIn(url, ada.email, ada.password)
      await areSeen(t, written)
      const { id } = placed.as(Order)
      await until(
        'it is complete',
        async () => (await asAda(`/orders/${id}`)).as(Order).state === 'completed',
        120_000,
      )
      t.equal((await asAda('/inbox')).status, 200)
    },
  )

  await t.test(
    'C3 Postgres is stopped: what is cached is served, the rest is 503; back, all is as before',
    async (t) => {
      const cached: Read[] = [
        ['/books/1', anybody],
        ['/books?limit=5', anybody],
        [`/users/${ada.id}`, asAda],
        ['/stock/7', anybody],
        ['/leaderboard', anybody],
        ['/inbox', asAda],
      ]
      // Once for each replica, so that what only memory holds is everywhere.
      for (let n = 0; n < 6; n++)
        for (const [path, ask] of cached) t.equal((await ask(path)).status, 200, path)
      const before = (await anybody('/stock/7')).as(Stock).available
      const running = load(cached)
      await running.goOn(100)
      await shop.postgres.stop()
      await become(shop, 'unhealthy', ['catalog', 'users', 'orders'])
      await running.goOn(200)
      const json = { items: [{ bookId: 7, quantity: 1 }] }
      const later = { json, headers: { 'idempotency-key': 'later' } }
      const reading: [string, Answer][] = [
        ['a book that nobody has read', await anybody('/books/1999')],
        ['a page that nobody has read', await anybody('/books?limit=7&skip=700')],
        ['orders', await asAda('/orders')],
        ['a login', await anybody('/auth/token', { json: { email: ada.email, password: ada.password } })],
      ]
      for (const [what, answer] of reading) refusedForNow(t, what, answer)
      await running.goOn(100)
      const asked = await running.stop()
      t.same(running.wrong, [], `of ${asked} reads`)
      // What became of a write that failed is not known, so it evicts: these come last.
      const bob = { email: 'bob@bookshop.example', password: 'Bob walks at dusk', name: 'Bob' }
      const writing: [string, Answer][] = [
        ['a change', await anybody('/books/1', { method: 'PATCH', json: { version: 1, title: 'x' } })],
        ['an order', await asAda('/orders', later)],
        ['a registration', await anybody('/users', { json: bob })],
      ]
      for (const [what, answer] of writing) refusedForNow(t, what, answer)
      await shop.revivePostgres()
      await shop.allWell()
      const after = load(reads)
      await after.goOn(100)
      await after.stop()
      t.same(after.wrong, [])

      t.equal((await anybody('/books/1999')).status, 200)
      const late = await asAda('/orders', later)
      t.equal(late.status, 201, 'what was refused has used up nothing')
      t.equal((await anybody('/stock/7')).as(Stock).available, before - 1)
      await areSeen(t, await write(t, 'the return'))
      t.ok(await order())
      t.ok(await register(url, 'Bob'))
    },
  )
})

/** 503, as a problem, with a time after which it makes sense to ask again. */
function refusedForNow(t: Test, what: string, { status, headers, text }: Answer): void {
  t.equal(status, 503, `${what}: ${text.slice(0, 200)}`)
  t.ok(Number(headers.get('retry-after')) > 0, `${what}: Retry-After`)
  t.match(headers.get('content-type'), 'application/problem+json')
}
