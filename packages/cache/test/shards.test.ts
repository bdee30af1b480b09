import { test } from 'tap'
import { createCache, type Store } from '../src/index.ts'
import { MemoryServer, memoryStore } from '../src/memory/transport.ts'
import { fleet, Net, settle, transportOver } from './fleet.ts'

/** A cache over two shards, in which the books with an even id lie in the first; each can be away alone. */
async function twoShards() {
  const { server, clock, logger, source, load } = await fleet()
  const nets = [new Net(), new Net()] as const
  const transport = transportOver(server, nets[0])
  const stores = [
    transport.store,
    memoryStore(new MemoryServer({ clock }), (run) => nets[1].call(run)),
  ] as const
  const of = (shard: number) => stores[shard === 0 ? 0 : 1]
  const store: Store = {
    ...transport.store,
    shards: 2,
    shardOf: (name) => Number(name.at(-1)) % 2,
    read: (shard, ...rest) => of(shard).read(shard, ...rest),
    lease: (shard, ...rest) => of(shard).lease(shard, ...rest),
    fill: (shard, ...rest) => of(shard).fill(shard, ...rest),
    invalidate: (shard, ...rest) => of(shard).invalidate(shard, ...rest),
    begin: (shard, ...rest) => of(shard).begin(shard, ...rest),
    end: (shard, ...rest) => of(shard).end(shard, ...rest),
    probe: (shard, ...rest) => of(shard).probe(shard, ...rest),
    replay: (shard, ...rest) => of(shard).replay(shard, ...rest),
  }
  const cache = createCache({ transport: { ...transport, store }, logger, clock })
  const books = cache.define({ name: 'books', version: 1, key: (id: number) => id, ttl: '1m', load })
  await settle()
  return { cache, books, source, nets }
}

await test('G3 the token of a write that only a part of the shards has heard of is empty', async (t) => {
  const { cache, books, nets } = await twoShards()
  const both = { keys: [books.key(2), books.key(3)] }
  t.match(await cache.invalidate(both), { outcome: 'applied', token: /^0\..*-1\./ })
  nets[1].away = true
  t.match(await cache.invalidate(both), { outcome: 'pending', token: '' })
  nets[1].away = false
  const during = cache.mutate(both.keys, async () => {
    nets[1].away = true
  })
  t.match(await during, { outcome: 'pending', token: '' })
})

await test('a mutation is stored when all that was put is, whatever other shards it has names in', async (t) => {
  const { cache, books, source } = await twoShards()
  const done = await cache.mutate([books.key(2), books.key(3)], async ({ put }) => {
    source.set(2, { title: 'second' })
    put(books, 2, { title: 'second' })
  })
  t.match(done, { outcome: 'applied', stored: true })
  t.match(await books.read(2), { from: 'l2', value: { title: 'second' } })
})
