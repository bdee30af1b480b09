import { until } from '@lockstep/testing'
import type { Cases } from './contract.ts'
import { entryOf, fillOf, grant, hearing, kindOf, LONG, NOTE, token, what } from './material.ts'

export const messageCases: Cases = {
  'every change is heard as it stands in the log, by everybody, in order': async (t, bench) => {
    const { one, other, shard, subject } = bench
    const name = bench.name('42')
    const heard = await hearing(t, subject.other)
    const own = await hearing(t, subject.one)
    const write = { name, bytes: entryOf(await grant(one, shard, name)), lifetime: LONG }
    const writer = token()
    await one.invalidate(shard, what({ keys: ['"ä/\\'], tags: ['a'] }), { origin: 'o', acknowledge: true })
    await one.set(shard, write, undefined, NOTE)
    await other.evictPresent(shard, [name], NOTE)
    const { head } = await other.begin(shard, [name], writer, LONG, NOTE)
    await one.end(shard, [name], writer, head.incarnation, [write], NOTE)
    const { changes } = await one.replay(shard, 0)
    t.equal(changes.length, 5)
    await until('all is heard', () => heard.length >= 5 && own.length >= 5)
    t.same(
      heard,
      changes.map((change) => ({ kind: 'change', shard, change })),
    )
    t.same(own, heard)
  },
  'what changes nothing is not told': async (t, bench) => {
    const { one, shard, subject } = bench
    const name = bench.name('42')
    const heard = await hearing(t, subject.other)
    await bench.put(name, { version: 2 })
    const bytes = entryOf({ token: token(), head: await bench.head() }, { version: 1 })
    t.equal((await one.set(shard, { name, bytes, lifetime: LONG }, 1, NOTE)).result, 'refused')
    await one.evictPresent(shard, [bench.name('none')], NOTE)
    await one.probe(shard, 'r', LONG, true)
    const last = await one.invalidate(shard, what({ keys: ['last'] }), NOTE)
    await until('the last is heard', () => heard.length > 0)
    t.same(heard, [{ kind: 'change', shard, change: last.change }])
  },
  'those who wait for a load are told when it ends, however it ends': async (t, bench) => {
    const { one, other, shard, subject } = bench
    const [stored, failed, alone] = ['stored', 'failed', 'alone'].map(bench.name)
    if (!stored || !failed || !alone) throw new Error('no names')
    const heard = await hearing(t, subject.other)
    const leases = await Promise.all([stored, failed, alone].map((name) => grant(one, shard, name)))
    t.equal(await kindOf(other, shard, stored), 'wait')
    t.equal(await kindOf(other, shard, failed), 'wait')
    const fills = leases.map((lease, at) => fillOf([stored, failed, alone][at] ?? '', entryOf(lease)))
    const given = fills.map((fill) => (fill.name === failed ? { ...fill, bytes: undefined } : fill))
    t.same(await one.fill(shard, given), [true, false, true])
    await one.invalidate(shard, what({ keys: ['last'] }), NOTE)
    await until('all is heard', () => heard.some(({ kind }) => kind === 'change'))
    t.same(heard[0], { kind: 'filled', names: [stored, failed] })
    t.equal(heard.length, 2, 'nobody waited for the third')
  },
  'acknowledgements reach the origin, and nobody else': async (t, { subject }) => {
    const { one, other } = subject
    const heard: string[] = []
    const elsewhere: string[] = []
    const leave = await one.bus.listenTo('writer', (payload) => heard.push(payload))
    const leaveOther = await one.bus.listenTo('another', (payload) => elsewhere.push(payload))
    t.teardown(leaveOther)
    await other.bus.tell('writer', '{"seq":1}')
    await other.bus.tell('writer', '{"seq":2}')
    await until('both are heard', () => heard.length === 2)
    // On a Cluster each may go over another node, so they come in any order.
    t.same(heard.toSorted(), ['{"seq":1}', '{"seq":2}'])
    await leave()
    await other.bus.tell('writer', 'late')
    await other.bus.tell('another', 'end')
    await until('the other one hears', () => elsewhere.length === 1)
    t.equal(heard.length, 2)
  },
}
