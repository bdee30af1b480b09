import type { Cases } from './contract.ts'
import { entryOf, fillOf, grant, LONG, NOTE, token, what } from './material.ts'

export const historyCases: Cases = {
  'before anything is written there is no head; the first probe makes one': async (
    t,
    { one, other, shard },
  ) => {
    t.same(await one.read(shard, ['x']), { head: undefined, entries: [undefined] })
    const { head, time } = await one.probe(shard, 'r', LONG, true)
    t.equal(head.seq, 0)
    t.ok(head.incarnation > 0 && head.incarnation < 2 ** 52)
    t.ok(head.token)
    t.ok(Math.abs(head.born - time) < 1000, 'born now')
    t.same((await other.read(shard, [])).head, head)
    t.same((await other.probe(shard, 'r', LONG, false)).head, head)
  },
  'the log is replayed from where a replica stands': async (t, bench) => {
    const { one, other, shard } = bench
    const changes = []
    for (let i = 0; i < 4; i++) {
      const part = [{ keys: ['"\\/ä\u0001'] }, { tags: ['t'] }, { prefixes: ['p'] }, { caches: ['c:v1'] }][i]
      const note = { origin: 'writer', acknowledge: i === 2 }
      changes.push((await one.invalidate(shard, what(part ?? {}), note)).change)
    }
    const all = await other.replay(shard, 0)
    t.same(all.changes, changes)
    t.equal(all.head.seq, changes.at(-1)?.seq)
    const second = changes[1]?.seq ?? 0
    t.same((await other.replay(shard, second)).changes, changes.slice(2))
    t.same((await other.replay(shard, all.head.seq)).changes, [])
    t.same((await other.replay(shard, all.head.seq + 10)).changes, [])
  },
  'a rotation begins a new history, once': async (t, bench) => {
    const { one, other, shard } = bench
    const name = bench.name('42')
    const loading = await grant(one, shard, name)
    await one.invalidate(shard, what({ tags: ['a'] }), NOTE)
    const before = await bench.head()
    const [first, second] = await Promise.all([
      one.rotate(shard, before.incarnation),
      other.rotate(shard, before.incarnation),
    ])
    t.same(first.head, second.head)
    t.not(first.head.incarnation, before.incarnation)
    t.equal(first.head.seq, 0)
    t.same((await one.replay(shard, 0)).changes, [])
    t.same((await one.probe(shard, 'r', LONG, true)).markers, { seqs: [], floor: 0 })
    t.same((await one.rotate(shard, before.incarnation)).head, first.head)
    t.same(
      await one.fill(shard, [fillOf(name, entryOf(loading))]),
      [false],
      'fills of the old one are refused',
    )
    t.equal(await bench.present(name), undefined)
    const next = await one.invalidate(shard, what({ keys: [name] }), NOTE)
    t.same([next.head.seq, next.change.previous], [1, first.head.token])
  },
  'whoever finds no head begins a new history': async (t, bench) => {
    const { one, other, shard, subject } = bench
    const name = bench.name('42')
    const bytes = () => entryOf({ token: token(), head: { incarnation: 1, seq: 0, token: 'x', born: 0 } })
    const write = () => ({ name, bytes: bytes(), lifetime: LONG })
    const scripts = {
      lease: () => one.lease(shard, [{ name, token: token() }], LONG),
      invalidate: () => one.invalidate(shard, what({ tags: ['fresh'] }), NOTE),
      set: () => one.set(shard, write(), undefined, NOTE),
      begin: () => one.begin(shard, [name], token(), LONG, NOTE),
      end: () => one.end(shard, [name], token(), 1, [write()], NOTE),
      probe: () => one.probe(shard, 'r', LONG, false),
      replay: () => one.replay(shard, 0),
      rotate: () => one.rotate(shard, 1),
    }
    for (const [script, run] of Object.entries(scripts)) {
      await one.invalidate(shard, what({ tags: ['old'] }), NOTE)
      await one.invalidate(shard, what({ tags: ['old'] }), NOTE)
      const before = await bench.head()
      await subject.loseHead(shard)
      t.equal((await one.read(shard, [])).head, undefined)
      const { head } = await run()
      t.not(head.incarnation, before.incarnation, script)
      t.ok(head.seq <= 1, script)
      const { markers } = await other.probe(shard, 'r', LONG, true)
      t.notOk(
        markers?.seqs.some(([marker]) => marker === 't:old'),
        `${script}: its markers are gone`,
      )
      const log = (await other.replay(shard, 0)).changes
      t.equal(log.length, head.seq, `${script}: its log is gone`)
      t.same((await bench.head()).incarnation, head.incarnation)
    }
  },
  'a fill or a plain key without a head does nothing but begin one': async (t, bench) => {
    const { one, shard, subject } = bench
    const name = bench.name('42')
    const mine = await grant(one, shard, name)
    await subject.loseHead(shard)
    t.same(await one.fill(shard, [fillOf(name, entryOf(mine))]), [false])
    t.equal((await one.read(shard, [])).head?.seq, 0)
    await subject.loseHead(shard)
    t.equal(await one.evictPresent(shard, [name], NOTE), undefined)
    t.equal((await one.read(shard, [])).head?.seq, 0)
  },
}
