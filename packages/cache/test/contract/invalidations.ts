import type { Cases } from './contract.ts'
import { entryOf, fillOf, grant, kindOf, LONG, NOTE, token, what } from './material.ts'

export const invalidationCases: Cases = {
  'an invalidation removes entries, takes leases away, and says what it did': async (t, bench) => {
    const { one, other, shard } = bench
    const [here, loading, none] = ['here', 'loading', 'none'].map(bench.name)
    if (!here || !loading || !none) throw new Error('no names')
    await bench.put(here)
    const late = await grant(one, shard, loading)
    const before = await bench.head()
    const keys = [here, loading, none]
    const { head, time, change, removed } = await other.invalidate(shard, what({ keys }), NOTE)
    t.equal(removed, 1)
    t.equal(head.seq, before.seq + 1)
    t.equal(head.incarnation, before.incarnation)
    t.equal(head.born, before.born)
    t.not(head.token, before.token)
    t.ok(Math.abs(time - Date.now()) < 5000, 'server time in ms')
    const { incarnation, seq, token } = head
    const { origin } = NOTE
    const expected = { ...what({ keys }), incarnation, seq, token, previous: before.token, origin }
    t.same(change, { ...expected, acknowledge: false })
    t.equal(await bench.present(here), undefined)
    t.same(await one.fill(shard, [fillOf(loading, entryOf(late))]), [false])
    t.equal(await kindOf(other, shard, loading), 'granted')
  },
  'a lease that is taken anew after an invalidation is not filled by the old load': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const old = await grant(one, shard, name)
    await other.invalidate(shard, what({ keys: [name] }), NOTE)
    const fresh = await grant(other, shard, name)
    t.same(await one.fill(shard, [fillOf(name, entryOf(old))]), [false])
    t.same(await other.fill(shard, [fillOf(name, entryOf(fresh))]), [true])
    t.equal((await bench.present(name))?.toString('latin1', 4, 20), fresh.token)
  },
  'invalidations of two clients at once form one chain': async (t, { one, other, shard, name, head }) => {
    const before = await head()
    const changes = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const store = i % 2 ? one : other
        return (await store.invalidate(shard, what({ keys: [name(i)] }), NOTE)).change
      }),
    )
    const ordered = changes.toSorted((a, b) => a.seq - b.seq)
    let previous = before
    for (const change of ordered) {
      t.same([change.seq, change.previous], [previous.seq + 1, previous.token])
      previous = { ...before, seq: change.seq, token: change.token }
    }
    t.same(await head(), previous)
    t.same((await one.replay(shard, before.seq)).changes, ordered, 'and the log tells the same')
  },
  'markers are set at the seq of their invalidation, and come with a probe that asks': async (t, bench) => {
    const { one, other, shard } = bench
    t.same((await one.probe(shard, 'r', 1000, true)).markers, { seqs: [], floor: 0 })
    const { head } = await other.invalidate(
      shard,
      what({ tags: ['author:7', 'ä'], prefixes: ['books:v1:list:'], caches: ['films:v1'] }),
      NOTE,
    )
    const again = await other.invalidate(shard, what({ tags: ['author:7'] }), NOTE)
    const { markers } = await one.probe(shard, 'r', 1000, true)
    t.same(Object.fromEntries(markers?.seqs ?? []), {
      't:author:7': again.head.seq,
      't:ä': head.seq,
      'p:books:v1:list:': head.seq,
      'c:films:v1': head.seq,
    })
    t.equal(markers?.floor, 0)
    t.equal((await one.probe(shard, 'r', 1000, false)).markers, undefined)
  },
  'too many markers raise the floor, below which entries are stale': async (t, bench) => {
    const { one, shard } = bench
    const name = bench.name('42')
    await bench.put(name, { version: 1 })
    const first = await one.invalidate(shard, what({ tags: ['the first'] }), NOTE)
    const tags = Array.from({ length: 5000 }, (_, i) => `a${i}`)
    await one.invalidate(shard, what({ tags }), NOTE)
    t.equal((await one.probe(shard, 'r', 1000, true)).markers?.floor, 0)
    await one.invalidate(shard, what({ tags: tags.slice(1).map((tag) => `b${tag}`) }), NOTE)
    t.equal((await one.probe(shard, 'r', 1000, true)).markers?.floor, 0, '10,000 are kept')
    const last = await one.invalidate(shard, what({ tags: ['one more'] }), NOTE)
    const { markers } = await one.probe(shard, 'r', 1000, true)
    const kept = new Map(markers?.seqs)
    t.notOk(kept.has('t:the first'))
    t.ok((markers?.floor ?? 0) >= first.head.seq, 'the floor stands for what was dropped')
    t.ok(kept.size <= 10_000)
    t.equal(kept.get('t:one more'), last.head.seq)
    const write = { name, bytes: entryOf({ token: 'x'.repeat(16), head: last.head }), lifetime: 1000 }
    t.equal((await one.set(shard, write, 2, NOTE)).result, 'invalidated', 'the entry below it is stale')
  },
  'a plain key is evicted once, by whoever comes first': async (t, bench) => {
    const { one, other, shard } = bench
    const [entry, loading, none] = ['entry', 'loading', 'none/"ä'].map(bench.name)
    if (!entry || !loading || !none) throw new Error('no names')
    await bench.put(entry)
    const late = await grant(one, shard, loading)
    const before = await bench.head()
    const names = [none, entry, loading]
    const [first, second] = await Promise.all([
      one.evictPresent(shard, names, NOTE),
      other.evictPresent(shard, names, NOTE),
    ])
    const did = first ?? second
    t.equal([first, second].filter(Boolean).length, 1)
    t.same(did?.change.keys, [entry, loading])
    t.equal(did?.removed, 1)
    t.equal(did?.change.previous, before.token)
    t.same((await one.replay(shard, before.seq)).changes, [did?.change])
    t.same(await one.fill(shard, [fillOf(loading, entryOf(late))]), [false])
    t.equal(await one.evictPresent(shard, [none], NOTE), undefined)
    t.equal((await bench.head()).seq, before.seq + 1)
  },
  'a plain key that meets a write under way prevents its writing through, once': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const writer = token()
    const { head } = await one.begin(shard, [name], writer, LONG, NOTE)
    const did = await other.evictPresent(shard, [name], NOTE)
    t.same([did?.change.keys, did?.removed, did?.head.seq], [[name], 0, head.seq + 1])
    t.equal(await one.evictPresent(shard, [name], NOTE), undefined, 'for the others it has happened')
    const writes = [{ name, bytes: entryOf({ token: token(), head }), lifetime: LONG }]
    const ended = await one.end(shard, [name], writer, head.incarnation, writes, NOTE)
    t.same([ended.stood, ended.stored], [true, false])
    t.equal(await other.evictPresent(shard, [name], NOTE), undefined, 'the write is over')
  },
}
