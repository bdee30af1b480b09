import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { faultProxy, recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { createCache, redisTransport } from '../src/index.ts'
import type { Book } from './fleet.ts'

/** A process of its own, as far as Redis can tell, behind a proxy of its own. */
async function replicaOn(t: Teardown, port: number, source: ReadonlyMap<number, Book>, patience: string) {
  const proxy = await faultProxy(port)
  const settings = readSettings(RedisSettings, {
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    REDIS_COMMAND_TIMEOUT: patience,
    REDIS_RETRY_DELAY_MAX: '100ms',
  })
  const logger = recordingLogger()
  const link = openRedis(settings, 'test', logger)
  const transport = redisTransport(link, { prefix: 'shop', logger })
  const cache = createCache({ transport, logger, maxStaleness: '1s' })
  const state = { loads: 0 }
  const books = cache.define<number, Book>({
    name: 'books',
    version: 1,
    key: (id) => id,
    async load(id) {
      state.loads++
      return source.get(id)
    },
    ttl: '10m',
    sliding: '5m',
    staleIfError: '1h',
    tags: ({ author }) => (author === undefined ? [] : [`author:${author}`]),
    versionOf: ({ version = 0 }) => version,
  })
  t.teardown(async () => {
    proxy.heal()
    await cache.close()
    await link.close()
    await proxy.close()
  })
  await until('it is live', () => cache.live)
  return { cache, books, proxy, state }
}

/** @param patience of the first with Redis; patient enough for a busy machine unless told */
async function pair(t: Teardown, patience = '5s') {
  const server = await testRedis(t)
  const raw = new Redis(server.url)
  t.teardown(() => raw.disconnect())
  const source = new Map<number, Book>([
    [1, { title: 'one', author: 7, version: 1 }],
    [2, { title: 'two', author: 7, version: 1 }],
    [3, { title: 'three', version: 1 }],
  ])
  const port = Number(new URL(server.url).port)
  return {
    server,
    raw,
    source,
    a: await replicaOn(t, port, source, patience),
    b: await replicaOn(t, port, source, '5s'),
  }
}

type Replica = Awaited<ReturnType<typeof pair>>['a']

/** Reads until L2 has it, since a fill is not waited for. */
const inL2 = ({ books }: Replica, id: number) =>
  until(`${id} is in L2`, async () => (await books.inspect(id)).tier !== 'none')

await test('on Redis: reads, writes and invalidations of two replicas', async (t) => {
  const { a, b, raw, source } = await pair(t)
  t.same(
    (await a.books.getMany([1, 2, 3, 4])).map((book) => book?.title),
    ['one', 'two', 'three', undefined],
  )
  await inL2(b, 3)
  t.match(await b.books.read(1), { from: 'l2', value: { title: 'one' } })
  t.equal(b.state.loads, 0)

  for (const id of [1, 2, 3, 4]) {
    const left = await raw.pttl(`shop:{0}:books:v1:${id}`)
    t.ok(left > 0 && left <= (id === 4 ? 5000 : 300_000), `K2 ${id} has a TTL, of ${left} ms`)
  }
  await raw.pexpire('shop:{0}:books:v1:3', 5000)
  a.books.touch(3)
  await until('K2 touch renews', async () => (await raw.pttl('shop:{0}:books:v1:3')) > 5000)

  source.set(1, { title: 'uno', author: 7, version: 2 })
  t.match(await a.books.set(1, { title: 'uno', author: 7, version: 2 }), { result: 'stored' })
  await until('b hears of it', async () => (await b.books.get(1))?.title === 'uno')
  t.match(await b.books.set(1, { title: 'old', version: 1 }), { result: 'refused' })

  source.set(2, { title: 'dos', author: 7 })
  const { token } = await b.cache.invalidateTags(['author:7'])
  t.match(await a.books.get(2, { after: token }), { title: 'dos' })
  t.match(await a.cache.invalidatePattern('books:v1:*'), { outcome: 'applied' })
  t.same(await raw.keys('shop:{0}:books:*'), [])

  await a.books.get(3)
  source.set(3, { title: 'tres' })
  const done = await b.cache.mutate([b.books.key(3)], async ({ put }) => put(b.books, 3, { title: 'tres' }), {
    wait: 'fleet',
  })
  t.match(done, { outcome: 'applied', promised: true, stored: true })
  t.match(await a.books.read(3), { from: 'l2', value: { title: 'tres' } }, 'G5 the moment it is committed')
  await raw.publish('cache:invalidate', 'books:v1:3')
  await until('P5 a plain key evicts', async () => (await a.books.inspect(3)).tier === 'none')
})

await test('on Redis: one load for a cold key, over processes', async (t) => {
  const { a, b, source } = await pair(t)
  source.set(9, { title: 'nine' })
  const all = await Promise.all([a, b].flatMap(({ books }) => Array.from({ length: 50 }, () => books.get(9))))
  t.equal(all.length, 100)
  t.equal(a.state.loads + b.state.loads, 1)
})

await test('K6 Redis out of reach: reads go on, writes wait, and nothing stale is left when it is back', async (t) => {
  const { a, b, source } = await pair(t, '500ms')
  await a.books.get(1)
  await inL2(b, 1)
  await b.books.get(1)
  a.proxy.blackHole()
  await until('its lease ends', () => !a.cache.live)
  source.set(1, { title: 'uno' })
  t.match(await a.books.get(1), { title: 'uno' })
  t.match(await a.books.invalidate(1), { outcome: 'pending' })
  t.match(await b.books.get(1), { title: 'one' }, 'nobody else can know yet')
  a.proxy.heal()
  a.proxy.reset()
  await until('what waited is done', () => a.cache.stats().pending === 0)
  await until('b hears of it', async () => (await b.books.get(1))?.title === 'uno')
  await until('L1 is back', () => a.cache.live)
})

await test('G1 only the subscriber link is dead: nothing stale past T', async (t) => {
  const { a, b, source } = await pair(t)
  await b.books.get(1)
  b.proxy.blackHole(({ said }) => /subscribe/i.test(said))
  source.set(1, { title: 'uno' })
  await a.books.invalidate(1)
  const invalidated = performance.now()
  let lastStale = invalidated
  await until('it is found by a probe', async () => {
    const begun = performance.now()
    const fresh = (await b.books.get(1))?.title === 'uno'
    if (!fresh) lastStale = begun
    return fresh
  })
  t.ok(lastStale - invalidated < 1000, `stale for ${lastStale - invalidated} ms`)
})

for (const [what, ruin] of Object.entries({
  FLUSHALL: (raw: Redis) => raw.flushall(),
  'SCRIPT FLUSH': (raw: Redis) => raw.script('FLUSH'),
  'its control keys deleted': (raw: Redis) => raw.del('shop:{0}:head', 'shop:{0}:log', 'shop:{0}:markers'),
})) {
  await test(`after ${what} the fleet goes on, and reads nothing from before`, async (t) => {
    const { a, b, raw, source } = await pair(t)
    await a.books.get(1)
    await inL2(b, 1)
    await b.books.get(1)
    source.set(1, { title: 'uno', author: 7 })
    const [, done] = await Promise.all([ruin(raw), a.cache.invalidateTags(['author:7'])])
    t.equal(done.outcome, 'applied')
    t.match(await b.books.get(1, { after: done.token }), { title: 'uno' })
    await until('all are live', () => a.cache.live && b.cache.live)
    for (const { books } of [a, b]) t.match(await books.get(1), { title: 'uno' })
    t.match(await a.books.invalidate(1), { outcome: 'applied' })
  })
}
