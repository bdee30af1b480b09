import { until } from '@lockstep/testing'
import { test } from 'tap'
import { RedisValueError } from '../src/index.ts'
import { openBoth } from './links.ts'
import { callsOf, KEYS, keyIn, openAll } from './structures.ts'

const kinds = ['hash', 'list', 'set', 'sorted', 'feed'] as const
/** These remove whatever is there. */
const indifferent = new Set(['hash.remove', 'list.remove', 'set.clear'])

await test('D1 D2 D3 D4 what another program keeps at a key is an error that names it', async (t) => {
  const { link, raw } = await openBoth(t)
  const calls = callsOf(openAll(link))
  for (const kind of kinds) {
    const key = KEYS[kind]
    for (const [method, call] of Object.entries(calls[kind])) {
      await raw.set(key, 'something else')
      if (indifferent.has(`${kind}.${method}`)) {
        t.equal(await call(), true, `${kind}.${method}`)
        continue
      }
      const error = await call().catch((caught: unknown) => caught)
      t.equal(keyIn(error), key, `${kind}.${method}`)
      t.match(error, { code: 'LOCKSTEP_REDIS_VALUE', message: `UNLINK '${key}'`, cause: /WRONGTYPE/ })
    }
  }
  t.ok(link.available, 'what Redis answers is no absence')
  t.same(await raw.keys('*:once:*'), [], 'nothing is remembered as done that was not')
})

await test('D3 the second of two sets is named when it is the wrong one', async (t) => {
  const { link, raw } = await openBoth(t)
  const { set } = openAll(link)
  await set.add('17', 'a')
  await raw.set('shop:{0}:set:tags:18', 'something else')
  const error = await set.common('17', '18').catch((caught: unknown) => caught)
  t.equal(keyIn(error), 'shop:{0}:set:tags:18')
})

await test('D1 D2 D3 every key that is created has the lifetime, and each write renews it', async (t) => {
  const { link, raw } = await openBoth(t)
  const { hash, list, set, feed } = openAll(link)
  const writes: [string, () => Promise<unknown>][] = [
    ['hash:profile:a', () => hash.set('a', { name: 'Ann' })],
    ['hash:profile:b', () => hash.increment('b', 'logins')],
    ['list:inbox:a', () => list.push('a', 'x')],
    ['set:tags:a', () => set.add('a', 'x')],
    ['feed:events:a', () => feed.append('a', 'x')],
  ]
  for (const [name, write] of writes) {
    const key = `shop:{0}:${name}`
    for (const before of ['none', 'foreign', 'short']) {
      if (before === 'foreign') await raw.persist(key)
      if (before === 'short') await raw.pexpire(key, 20_000)
      await write()
      const left = await raw.pttl(key)
      t.ok(left > 30_000 && left <= 60_000, `${name} ${before} ${left}`)
    }
  }
})

await test('D2 D4 an effect with a guard happens once, with its guard or not at all', async (t) => {
  const { link, raw } = await openBoth(t)
  const { list, sorted, feed } = openAll(link)
  const once = { id: 'e1', ttl: '1m' } as const
  const crowd = Array.from({ length: 20 })
  t.same(new Set(await Promise.all(crowd.map(() => list.push('a', 'x', { once })))), new Set([1]))
  t.same(new Set(await Promise.all(crowd.map(() => sorted.add('a', 'm', 2, { once })))), new Set([2]))
  const ids = await Promise.all(crowd.map(() => feed.append('a', 'x', { once })))
  t.equal(ids.filter((id) => id !== undefined).length, 1)
  t.equal((await feed.after('a', undefined, 10)).length, 1)

  await list.push('a', 'y', { once: { ...once, id: 'e2' } })
  t.equal(await list.length('a'), 2, 'another id is another effect')
  t.equal(await sorted.add('a', 'n', 5, { once }), 5, 'and so is another member')
  t.equal(await list.push('b', 'x', { once }), 1, 'and another list')
  await list.push('c', 'x', { once: { id: 'd:e', ttl: '1m' } })
  t.equal(await list.push('c:d', 'x', { once: { id: 'e', ttl: '1m' } }), 1, 'colons make none the same')

  for (const guard of await raw.keys('*:once:*')) {
    const left = await raw.pttl(guard)
    t.ok(left > 30_000 && left <= 60_000, `${guard} ${left}`)
  }
  await sorted.remove('a', 'm')
  t.equal(await sorted.add('a', 'm', 2, { once }), 0, 'done is done')
  const brief = { id: 'e3', ttl: 1 } as const
  await feed.append('a', 'z', { once: brief })
  await until('it is forgotten', async () => (await feed.append('a', 'z', { once: brief })) !== undefined)
})

await test('names, sizes and lifetimes are looked at when a structure is opened', async (t) => {
  const { link } = await openBoth(t)
  const { openFeed, openHash, openList, openSet } = await import('../src/index.ts')
  const base = { prefix: 'shop', ttl: '1m', decode: String } as const
  for (const name of ['', 'a:b', 'a b', '{0}', '*']) {
    t.throws(() => openSet(link, { ...base, name }), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' }, name)
  }
  for (const max of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => openList(link, { ...base, name: 'a', max }), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
    t.throws(() => openFeed(link, { ...base, name: 'a', max }), { code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID' })
  }
  t.throws(() => openHash(link, { ...base, name: 'a', fields: {} }), {
    code: 'LOCKSTEP_REDIS_ARGUMENT_INVALID',
  })
  t.throws(() => openSet(link, { ...base, name: 'a', ttl: -1 }), { code: 'LOCKSTEP_DURATION_INVALID' })
})

await test('without Redis every method says so', async (t) => {
  const { link, redis } = await openBoth(t)
  const calls = callsOf(openAll(link))
  await redis.kill()
  await until('it is known to be away', () => !link.available)
  for (const kind of kinds) {
    for (const [method, call] of Object.entries(calls[kind])) {
      await t.rejects(call(), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' }, `${kind}.${method}`)
    }
  }
  t.equal(new RedisValueError('k', 'x').code, 'LOCKSTEP_REDIS_VALUE')
})
