import { keySpace } from '@lockstep/redis'
import { type Teardown, testRedis } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { redisTransport } from '../../src/redis/transport.ts'
import { openLink } from './links.ts'
import { benchOf, entryOf, fillOf, grant, LONG, NOTE, token, what } from './material.ts'

const keys = keySpace('shop')
const CONTROL = {
  head: keys.head(0),
  log: keys.log(0),
  markers: keys.markers(0),
  server: 'shop:{0}:server',
  intents: keys.intents(0),
  replicas: keys.replicas(0),
}

/** A store, and a client that does to its Redis whatever a foreign program, or an eviction, may do. */
async function open(t: Teardown) {
  const { url } = await testRedis(t)
  const raw = new Redis(url)
  t.teardown(() => raw.disconnect())
  const transport = redisTransport(await openLink(t, { REDIS_URL: url }), { prefix: 'shop' })
  const bench = await benchOf(t, async () => ({ one: transport, other: transport, loseHead: async () => {} }))
  return { raw, bench, store: transport.store }
}

await test('markers that were lost alone: all that is older reads as absent from the next probe on', async (t) => {
  const { raw, store, bench } = await open(t)
  const name = bench.name('42')
  await bench.put(name, { version: 1, tags: ['a'] })
  const { head } = await store.invalidate(0, what({ tags: ['a'] }), NOTE)
  await raw.del(CONTROL.markers)
  const joining = await store.probe(0, 'r', LONG, true)
  t.same(joining.markers, { seqs: [], floor: head.seq })
  t.same(joining.head, head, 'the history goes on')
  await store.invalidate(0, what({ tags: ['b'] }), NOTE)
  t.equal((await store.probe(0, 'r', LONG, true)).markers?.floor, head.seq, 'the floor stays')
})

await test('and before a probe nothing is written over what they may have covered', async (t) => {
  const { raw, store, bench } = await open(t)
  const name = bench.name('42')
  await bench.put(name, { version: 1, tags: ['a'] })
  await store.invalidate(0, what({ tags: ['a'] }), NOTE)
  await raw.del(CONTROL.markers)
  await store.invalidate(0, what({ tags: ['b'] }), NOTE)
  const made = { token: token(), head: await bench.head() }
  const write = { name, bytes: entryOf(made, { version: 2 }), lifetime: LONG }
  t.equal((await store.set(0, write, 2, NOTE)).result, 'invalidated')
})

await test('a control key of another type is mended by the next probe, and then everything works', async (t) => {
  for (const [what_, key] of Object.entries(CONTROL)) {
    const { raw, store, bench } = await open(t)
    const before = await bench.head()
    await raw.del(key)
    await (what_ === 'head' || what_ === 'server' ? raw.rpush(key, 'x') : raw.set(key, 'x'))
    const { head } = await store.probe(0, 'r', LONG, true)
    t.not(head.incarnation, before.incarnation, `${what_}: nobody knows what was lost`)
    const again = await store.probe(0, 'r', LONG, true)
    t.same(again.head, head, `${what_}: once`)
    t.same(again.markers, { seqs: [], floor: 0 })
    const name = bench.name('42')
    await bench.put(name)
    const begun = await store.begin(0, [name], token(), LONG, NOTE)
    t.same([begun.removed, begun.replicas, begun.change.seq], [1, ['r'], 1], what_)
    t.equal((await store.invalidate(0, what({ keys: [name], tags: ['a'] }), NOTE)).change.seq, 2, what_)
    t.equal((await store.replay(0, 0)).changes.length, 2, what_)
  }
})

await test('something else under the name of one entry, or of its lease, costs that one only', async (t) => {
  const { raw, store, bench } = await open(t)
  const [bad, odd, good, there] = ['bad', 'odd', 'good', 'there'].map(bench.name)
  if (!bad || !odd || !good || !there) throw new Error('no names')
  const bytes = await bench.put(there)
  await raw.rpush(`shop:{0}:${bad}`, 'x')
  await raw.rpush(`shop:{0}:lease:${odd}`, 'x')
  t.same((await store.read(0, [bad, there])).entries, [undefined, bytes])
  const asks = [bad, odd, good, there].map((name) => ({ name, token: token() }))
  const { head, answers } = await store.lease(0, asks, LONG)
  const granted = { kind: 'granted' }
  t.same(answers, [granted, granted, granted, { kind: 'entry', bytes }])
  const fills = asks.slice(0, 3).map(({ name, token }) => fillOf(name, entryOf({ token, head })))
  t.same(await store.fill(0, fills), [true, true, true], 'and it is overwritten')

  await raw.multi().del(`shop:{0}:${bad}`).rpush(`shop:{0}:${bad}`, 'x').exec()
  const write = { name: bad, bytes: entryOf({ token: token(), head }), lifetime: LONG }
  t.equal((await store.set(0, write, 1, NOTE)).result, 'invalidated')
  const mine = await grant(store, 0, good.concat('2'))
  await raw.multi().del(`shop:{0}:lease:${good}2`).rpush(`shop:{0}:lease:${good}2`, 'x').exec()
  t.same(await store.fill(0, [fillOf(good.concat('2'), entryOf(mine))]), [false], 'a lease that was lost')
})

await test('a head in other words than ours is replaced: its numbers would not compare', async (t) => {
  const { raw, store, bench } = await open(t)
  const time = Date.now()
  for (const head of [
    `007:5:abc:${time}`,
    `7:05:abc:${time}`,
    `7:5:abc:${time}0000000`,
    `${2 ** 53}:5:abc:${time}`,
    `7:${2 ** 53}:abc:${time}`,
  ]) {
    await raw.flushall()
    await raw.set(CONTROL.head, head)
    const probed = await store.probe(0, 'r', LONG, true)
    t.equal(probed.head.seq, 0, head)
    const name = bench.name('42')
    await bench.put(name)
    t.ok(await bench.present(name), 'and what is loaded is stored')
  }
})
