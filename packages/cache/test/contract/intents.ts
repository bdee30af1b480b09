import { until } from '@lockstep/testing'
import { readHeader } from '../../src/codec/entry.ts'
import type { BeginReply, Store } from '../../src/ports.ts'
import type { Cases } from './contract.ts'
import { type Bench, entryOf, fillOf, grant, kindOf, LONG, NOTE, token, what } from './material.ts'

interface Writing {
  readonly begun: BeginReply
  end(write?: boolean, tags?: readonly string[]): ReturnType<Store['end']>
}

/** A write that has begun. */
async function writing(bench: Bench, store: Store, names: readonly string[], ms = LONG): Promise<Writing> {
  const { shard } = bench
  const writer = token()
  const begun = await store.begin(shard, names, writer, ms, NOTE)
  return {
    begun,
    end(write = true, tags = []) {
      const writes = names.map((name) => {
        const bytes = entryOf({ token: token(), head: { ...begun.head, seq: 0 } }, { tags })
        return { name, bytes, lifetime: LONG }
      })
      return store.end(shard, names, writer, begun.head.incarnation, write ? writes : [], NOTE)
    },
  }
}

export const intentCases: Cases = {
  'from begin to end nobody may fill, and both invalidate': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    await bench.put(name)
    const before = await bench.head()
    const write = await writing(bench, one, [name])
    t.equal(write.begun.removed, 1)
    t.same(write.begun.change.keys, [name])
    t.same([write.begun.head.seq, write.begun.change.previous], [before.seq + 1, before.token])
    t.equal(await bench.present(name), undefined)
    t.equal(await kindOf(other, shard, name), 'uncacheable')
    t.equal(await kindOf(other, shard, bench.name('another')), 'granted')
    const ended = await write.end(false)
    t.same([ended.stood, ended.stored, ended.removed], [true, false, 0])
    t.same([ended.head.seq, ended.change.keys], [before.seq + 2, [name]])
    t.equal(await kindOf(other, shard, name), 'granted')
  },
  'a load that began before a write is not stored': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const late = await grant(other, shard, name)
    const write = await writing(bench, one, [name])
    t.same(await other.fill(shard, [fillOf(name, entryOf(late))]), [false])
    await write.end(false)
    t.same(await other.fill(shard, [fillOf(name, entryOf(late))]), [false])
  },
  'a write that was alone is written through, stamped with the head after it': async (t, bench) => {
    const { one } = bench
    const names = ['42', '43'].map(bench.name)
    const write = await writing(bench, one, names)
    const { head, stood, stored } = await write.end()
    t.same([stood, stored], [true, true])
    for (const name of names) {
      const there = await bench.present(name)
      const header = there && readHeader(there)
      t.same([header?.incarnation, header?.seq], [head.incarnation, head.seq])
    }
  },
  'of two writes that overlap neither is written through': async (t, bench) => {
    const { one, other } = bench
    const name = bench.name('42')
    const first = await writing(bench, one, [name])
    const second = await writing(bench, other, [bench.name('43'), name])
    const endedFirst = await first.end()
    t.same([endedFirst.stood, endedFirst.stored], [true, false])
    t.equal(await kindOf(one, bench.shard, name), 'uncacheable', 'the other goes on')
    const endedSecond = await second.end()
    t.same([endedSecond.stood, endedSecond.stored], [true, false])
    t.equal(await bench.present(name), undefined)
    t.equal(await kindOf(one, bench.shard, name), 'granted')
  },
  'a write met by one that is over already is not written through': async (t, bench) => {
    const { one, other } = bench
    const name = bench.name('42')
    const first = await writing(bench, one, [name])
    const second = await writing(bench, other, [name])
    t.equal((await second.end()).stored, false)
    t.equal((await first.end()).stored, false)
    t.equal((await (await writing(bench, one, [name])).end()).stored, true, 'the next is alone again')
  },
  'an invalidation in between prevents writing through: of the name, of a tag, of the cache': async (
    t,
    bench,
  ) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const disturb = [
      () => other.invalidate(shard, what({ keys: [name] }), NOTE),
      () => other.invalidate(shard, what({ tags: ['b'] }), NOTE),
      () => other.invalidate(shard, what({ prefixes: ['books:v1:'] }), NOTE),
      () => other.invalidate(shard, what({ caches: ['books:v1'] }), NOTE),
    ]
    for (const [at, invalidate] of disturb.entries()) {
      const write = await writing(bench, one, [name])
      await invalidate()
      const { stood, stored } = await write.end(true, ['a', 'b'])
      t.same([stood, stored], [true, false], `disturbance ${at}`)
    }
    const write = await writing(bench, one, [name])
    await other.invalidate(shard, what({ keys: [bench.name('43')], tags: ['c'], caches: ['films:v1'] }), NOTE)
    t.equal((await write.end(true, ['a', 'b'])).stored, true, 'others do not matter')
  },
  'an intent ends by time, and its write says that it did not stand': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const write = await writing(bench, one, [name], 50)
    t.ok(await until('it has ended', async () => (await kindOf(other, shard, name)) === 'granted'))
    const { stood, stored } = await write.end()
    t.same([stood, stored], [false, false])
    t.equal(await bench.present(name), undefined)
  },
  'the intent of a writer that died does not make the next one contended': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    await writing(bench, one, [name], 50)
    await until('it has ended', async () => (await kindOf(other, shard, name)) === 'granted')
    t.equal((await (await writing(bench, other, [name])).end()).stored, true)
  },
  'a write that met one whose writer then died is not written through': async (t, bench) => {
    const { one, other, shard } = bench
    const [name, beside] = [bench.name('42'), bench.name('43')]
    await writing(bench, one, [name, beside], 1000)
    const second = await writing(bench, other, [name])
    await until('the first has ended', async () => (await kindOf(other, shard, beside)) === 'granted')
    const { stood, stored } = await second.end()
    t.same([stood, stored], [true, false])
  },
  'an end without its begin says so': async (t, { one, shard, name, head }) => {
    const { incarnation } = await head()
    const { stood, stored } = await one.end(shard, [name('42')], token(), incarnation, [], NOTE)
    t.same([stood, stored], [false, false])
  },
  'a write does not stand in another incarnation, and is not written through': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const write = await writing(bench, one, [name])
    await other.rotate(shard, write.begun.head.incarnation)
    const { stood, stored } = await write.end()
    t.same([stood, stored], [false, false])
    t.equal(await bench.present(name), undefined)
  },
  'begin lists the replicas that probed lately, until they leave': async (t, bench) => {
    const { one, other, shard } = bench
    await one.probe(shard, 'a', LONG, false)
    await other.probe(shard, 'b', LONG, false)
    await other.probe(shard, 'quick', 40, false)
    const seen = async () => (await writing(bench, one, ['x'])).begun.replicas.toSorted()
    await until('one has gone silent', async () => !(await seen()).includes('quick'))
    t.same(await seen(), ['a', 'b'])
    await other.probe(shard, 'quick', LONG, false)
    t.same(await seen(), ['a', 'b', 'quick'])
    await other.leave(shard, 'b')
    t.same(await seen(), ['a', 'quick'])
  },
  'begin says by when the last lease of a replica on its L1 has ended': async (t, bench) => {
    const { one, other, shard } = bench
    const begun = async () => (await writing(bench, one, ['x'])).begun
    const alone = await begun()
    t.ok(alone.leasedUntil <= alone.time, 'nobody holds one')
    const short = await one.probe(shard, 'short', 5000, false)
    t.equal((await begun()).leasedUntil, short.time + 5000)
    const long = await other.probe(shard, 'long', LONG, false)
    await one.probe(shard, 'short', 5000, false)
    t.equal((await begun()).leasedUntil, long.time + LONG)
  },
}
