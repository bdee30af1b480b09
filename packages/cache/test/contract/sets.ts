import type { EntryHeader } from '../../src/codec/entry.ts'
import { readHeader } from '../../src/codec/entry.ts'
import type { Cases } from './contract.ts'
import { type Bench, entryOf, fillOf, grant, LONG, NOTE, token, what } from './material.ts'

/** Writes a value through, stamped with nonsense: the script knows better. */
async function set(bench: Bench, name: string, version?: number, header: Partial<EntryHeader> = {}) {
  const { one, shard } = bench
  const made = { token: token(), head: { incarnation: 1, seq: 9, token: 'x', born: 0 } }
  const bytes = entryOf(made, { version, ...header })
  return { bytes, reply: await one.set(shard, { name, bytes, lifetime: LONG }, version, NOTE) }
}

export const setCases: Cases = {
  'a version is written over an older one, stamped with the head after it': async (t, bench) => {
    const name = bench.name('42')
    await bench.put(name, { version: 1 })
    const before = await bench.head()
    const { bytes, reply } = await set(bench, name, 2)
    t.equal(reply.result, 'stored')
    t.equal(reply.removed, 1)
    t.equal(reply.head.seq, before.seq + 1)
    t.same(reply.change.keys, [name])
    const there = await bench.present(name)
    const header = there && readHeader(there)
    t.same([header?.incarnation, header?.seq, header?.version], [before.incarnation, before.seq + 1, 2])
    t.same(there?.subarray(36), bytes.subarray(36))
    t.same(there?.subarray(0, 20), bytes.subarray(0, 20))
  },
  'below the stored version it is refused, and nothing happens': async (t, bench) => {
    const name = bench.name('42')
    const there = await bench.put(name, { version: 3 })
    const before = await bench.head()
    const { reply } = await set(bench, name, 2.5)
    t.equal(reply.result, 'refused')
    t.same(reply.head, before)
    t.same([reply.change.keys, reply.change.seq, reply.removed], [[], before.seq, 0])
    t.same(await bench.present(name), there)
    t.same((await bench.one.replay(bench.shard, before.seq)).changes, [])
  },
  'the same version again, or over nothing, or over no version, only invalidates': async (t, bench) => {
    const same = bench.name('same')
    await bench.put(same, { version: 3 })
    const unversioned = bench.name('unversioned')
    await bench.put(unversioned)
    for (const name of [same, unversioned, bench.name('none')]) {
      const before = await bench.head()
      const { reply } = await set(bench, name, 3)
      t.equal(reply.result, 'invalidated', name)
      t.equal(reply.head.seq, before.seq + 1)
      t.equal(await bench.present(name), undefined)
    }
  },
  'versions may be negative and fractions, and large ones are not rounded': async (t, bench) => {
    const name = bench.name('42')
    await bench.put(name, { version: -2 })
    t.equal((await set(bench, name, -1.5)).reply.result, 'stored')
    t.equal((await set(bench, name, 2 ** 53 - 2)).reply.result, 'stored')
    t.equal((await set(bench, name, 2 ** 53 - 1)).reply.result, 'stored')
    t.equal((await set(bench, name, 2 ** 53 - 2)).reply.result, 'refused')
  },
  'without a version it is always written': async (t, bench) => {
    const name = bench.name('42')
    t.equal((await set(bench, name)).reply.result, 'stored')
    await bench.put(bench.name('43'), { version: 9 })
    t.equal((await set(bench, bench.name('43'))).reply.result, 'stored')
  },
  'without a lifetime it only invalidates': async (t, bench) => {
    const { one, shard } = bench
    const name = bench.name('42')
    const bytes = await bench.put(name)
    const { result } = await one.set(shard, { name, bytes, lifetime: 0 }, undefined, NOTE)
    t.equal(result, 'invalidated')
    t.equal(await bench.present(name), undefined)
  },
  'an entry that a marker made stale has no version to compare': async (t, bench) => {
    const { other, shard } = bench
    const covers = [
      what({ tags: ['b'] }),
      what({ prefixes: ['books:v1:4'] }),
      what({ prefixes: [''] }),
      what({ caches: ['books:v1'] }),
    ]
    for (const [at, cover] of covers.entries()) {
      const name = bench.name(`4${at}`)
      await bench.put(name, { version: 1, tags: ['a', 'b'] })
      await other.invalidate(shard, cover, NOTE)
      t.equal((await set(bench, name, 2)).reply.result, 'invalidated', JSON.stringify(cover))
    }
    const others = what({
      tags: ['', 'c', 'a\nb'],
      prefixes: ['books:v1:5', 'books:v1:4242'],
      caches: ['books:v'],
    })
    const name = bench.name('42')
    await bench.put(name, { version: 1, tags: ['a', 'b'] })
    await other.invalidate(shard, others, NOTE)
    t.equal((await set(bench, name, 2)).reply.result, 'stored', 'markers that do not cover it')
  },
  'a name of more than 512 bytes is not looked up among the markers: older than any of them, it is stale':
    async (t, bench) => {
      const { other, shard } = bench
      const [fits, long, wide] = ['x'.repeat(450), 'x'.repeat(513), 'é'.repeat(300)].map(bench.name)
      for (const [name, result] of [
        [fits, 'stored'],
        [long, 'invalidated'],
        [wide, 'invalidated'],
      ] as const) {
        if (!name) throw new Error('no names')
        await bench.put(name, { version: 1 })
        t.equal((await set(bench, name, 2)).reply.result, 'stored', 'no marker is newer')
        await other.invalidate(shard, what({ tags: ['of others'] }), NOTE)
        t.equal((await set(bench, name, 3)).reply.result, result)
      }
    },
  'an entry filled after a marker, or stamped at it, is not stale': async (t, bench) => {
    const { other, shard } = bench
    await other.invalidate(shard, what({ tags: ['b'], caches: ['books:v1'] }), NOTE)
    const name = bench.name('42')
    await bench.put(name, { version: 1, tags: ['b'] })
    await other.invalidate(shard, what({ tags: ['newer'] }), NOTE)
    t.equal((await set(bench, name, 2)).reply.result, 'stored')
  },
  'an entry of another incarnation, or that is none of ours, has no version to compare': async (t, bench) => {
    const { one, shard } = bench
    const name = bench.name('42')
    await bench.put(name, { version: 1 })
    await one.rotate(shard, (await bench.head()).incarnation)
    t.equal((await set(bench, name, 2)).reply.result, 'invalidated')

    const mine = await grant(one, shard, name)
    const good = entryOf(mine, { version: 1, tags: ['a'] })
    const spoilt = [good.subarray(0, 90), Buffer.from(good), Buffer.from(good), Buffer.from(good)]
    spoilt[1]?.writeUInt8(9, 0)
    spoilt[2]?.writeDoubleBE(Number.NaN, 28)
    spoilt[3]?.writeUInt8(8 + 4 + 2, 2)
    for (const [at, bytes] of spoilt.entries()) {
      const bad = bench.name(`bad${at}`)
      const { token, head } = await grant(one, shard, bad)
      await one.fill(shard, [{ name: bad, token, incarnation: head.incarnation, bytes, lifetime: LONG }])
      t.ok(await bench.present(bad))
      t.equal((await set(bench, bad, 2)).reply.result, 'invalidated', `spoilt ${at}`)
    }
  },
  'it takes the lease of a load that is under way': async (t, bench) => {
    const { other, shard } = bench
    const name = bench.name('42')
    const late = await grant(other, shard, name)
    await set(bench, name)
    const there = await bench.present(name)
    t.same(await other.fill(shard, [fillOf(name, entryOf(late))]), [false])
    t.same(await bench.present(name), there)
  },
  'while a write is under way it only invalidates, and marks that write contended': async (t, bench) => {
    const { other, shard } = bench
    const name = bench.name('42')
    await bench.put(name, { version: 1 })
    const writer = token()
    const begun = await other.begin(shard, [name], writer, LONG, NOTE)
    t.equal((await set(bench, name)).reply.result, 'invalidated')
    const bytes = entryOf({ token: token(), head: begun.head })
    const writes = [{ name, bytes, lifetime: LONG }]
    const ended = await other.end(shard, [name], writer, begun.head.incarnation, writes, NOTE)
    t.same([ended.stood, ended.stored], [true, false])
  },
}
