import { testCluster, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { openValues } from '../src/index.ts'
import { openLink } from './links.ts'

const ttl = '1m'

async function setUp(t: Parameters<typeof testRedis>[0]) {
  const redis = await testRedis(t)
  const { link } = openLink(t, { REDIS_URL: redis.url })
  await link.whenAvailable(30_000)
  const raw = new Redis(redis.url)
  raw.on('error', () => {})
  t.teardown(() => raw.disconnect())
  return { redis, raw, link, values: openValues(link, { prefix: 'shop' }) }
}

await test('K5 counters', async (t) => {
  const { values, raw } = await setUp(t)
  t.equal(await values.increment('visits', { ttl: '10s' }), 1)
  t.equal(await values.increment('visits', { by: 41, ttl: '1h' }), 42)
  t.ok(Number(await values.timeToLive('visits')) <= 10_000, 'the first increment says how long it lives')
  t.equal(await values.decrement('visits', { by: 2, ttl }), 40)
  t.equal(await values.decrement('stock', { ttl }), -1)
  t.equal(await raw.get('shop:{0}:value:visits'), '40')
  await raw.set('shop:{0}:value:foreign', '7')
  t.equal(await values.timeToLive('foreign'), Number.POSITIVE_INFINITY)
  await values.increment('foreign', { ttl })
  t.ok(Number(await values.timeToLive('foreign')) <= 60_000, 'no counter of ours lasts for ever')
  const results = await Promise.all(Array.from({ length: 100 }, () => values.increment('many', { ttl })))
  t.equal(new Set(results).size, 100, 'no two callers get the same number')
  await values.set('text', 'x', { ttl })
  await t.rejects(values.increment('text', { ttl }), { message: /not an integer/ })
})

await test('K1 K5 texts and bytes', async (t) => {
  const { values } = await setUp(t)
  const bytes = Uint8Array.from([0, 255, 128, 13, 10])
  t.equal(await values.get('k'), undefined)
  t.equal(await values.getBytes('k'), undefined)
  t.equal(await values.exists('k'), false)
  await values.set('k', 'grüße', { ttl })
  t.equal(await values.get('k'), 'grüße')
  t.equal(await values.exists('k'), true)
  await values.set('k', bytes, { ttl })
  t.same(new Uint8Array((await values.getBytes('k')) ?? []), bytes)
  t.equal(await values.remove('k'), true)
  t.equal(await values.remove('k'), false)
})

await test('K5 set-if-absent, get-and-set', async (t) => {
  const { values } = await setUp(t)
  const winners = await Promise.all([1, 2, 3].map((n) => values.setIfAbsent('first', `${n}`, { ttl })))
  t.same(winners, [true, false, false])
  t.equal(await values.get('first'), '1')
  t.equal(await values.getAndSet('first', '2', { ttl }), '1')
  t.equal(await values.getAndSet('new', 'a', { ttl }), undefined)
  t.same(
    Buffer.from((await values.getAndSetBytes('new', Buffer.from([255]), { ttl })) ?? []),
    Buffer.from('a'),
  )
  t.same(Buffer.from((await values.getBytes('new')) ?? []), Buffer.from([255]))
})

await test('K5 expire, time to live: every key that is created has a lifetime', async (t) => {
  const { values, raw } = await setUp(t)
  await values.set('a', 'x', { ttl })
  await values.setIfAbsent('b', 'x', { ttl })
  await values.getAndSet('c', 'x', { ttl })
  await values.getAndSetBytes('d', 'x', { ttl })
  await values.increment('e', { ttl })
  await values.decrement('f', { ttl })
  const created = await raw.keys('*')
  t.equal(created.length, 6)
  for (const key of created) {
    const left = await raw.pttl(key)
    t.ok(left > 50_000 && left <= 60_000, `${key} ${left}`)
  }
  t.equal(await values.expire('a', '1h'), true)
  t.ok(Number(await values.timeToLive('a')) > 3_000_000)
  t.equal(await values.expire('none', '1h'), false)
  t.equal(await values.timeToLive('none'), undefined)
  await values.set('a', 'x', { ttl: 0.5 })
  await until('it is gone', async () => !(await values.exists('a')))
  await t.rejects(values.set('a', 'x', { ttl: -1 }), { code: 'LOCKSTEP_DURATION_INVALID' })
})

await test('without Redis they say so', async (t) => {
  const { values, redis, link } = await setUp(t)
  await redis.kill()
  await until('it is known to be away', () => !link.available)
  await t.rejects(values.get('k'), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
})

await test('K5 on a Cluster each key is in its shard', async (t) => {
  const cluster = await testCluster(t, { replicasPerMaster: 0 })
  const { link } = openLink(t, { REDIS_CLUSTER_NODES: cluster.addresses })
  await link.whenAvailable(30_000)
  const values = openValues(link, { prefix: 'shop' })
  const names = Array.from({ length: 50 }, (_, n) => `n${n}`)
  t.same(await Promise.all(names.map((name) => values.increment(name, { ttl }))), Array(50).fill(1))
  t.equal(await values.getAndSet('n0', 'x', { ttl }), '1')
  const found: string[] = []
  for await (const page of link.scan('shop:*:value:*')) found.push(...page)
  t.equal(found.length, 50)
  t.equal(new Set(found.map((key) => key.slice(0, key.indexOf('}')))).size > 8, true, 'spread over shards')
})
