import { keySpace } from '@lockstep/redis'
import { testCluster, until } from '@lockstep/testing'
import { test } from 'tap'
import { readHeader } from '../../src/codec/entry.ts'
import type { Change } from '../../src/protocol/history.ts'
import { CHANNEL } from '../../src/protocol/wire.ts'
import { storeContract } from './contract.ts'
import { openLink } from './links.ts'
import {
  type Bench,
  benchOf,
  entryOf,
  fillOf,
  grant,
  hearing,
  hearsAgain,
  kindOf,
  LONG,
  NOTE,
  token,
  what,
} from './material.ts'
import { subjectsOn } from './redis.ts'

await test('on a Redis Cluster', async (t) => {
  const cluster = await testCluster(t)
  const place = { REDIS_CLUSTER_NODES: cluster.addresses }
  const links = [await openLink(t, place), await openLink(t, place)]
  const [link] = links
  if (!link) throw new Error('no link')
  const subjects = subjectsOn(links)
  const slotOf = async ({ subject, shard }: Bench) => {
    const key = keySpace(subject.one.prefix, 16).head(shard)
    return Number(await link.run((redis) => redis.callBuffer('cluster', 'keyslot', key)))
  }
  /** Whether the changes of one history follow each other without a gap. */
  const chained = (changes: readonly Change[]) =>
    changes.every((change, at) => {
      const before = changes[at - 1]
      return !before || (change.seq === before.seq + 1 && change.previous === before.token)
    })

  await t.test('before anything happens', (t) => storeContract(t, subjects))

  await t.test('all shards and the plain channel are heard, and the names of all are found', async (t) => {
    const { one, other } = await subjects(t)
    const heard = await hearing(t, other)
    const plain: string[] = []
    let up = 0
    t.teardown(other.bus.listen({ up: () => up++, down() {}, message: (payload) => plain.push(payload) }))
    await until('it is up', () => up === 1)
    const names = Array.from({ length: 200 }, (_, i) => `books:v1:${i}`)
    t.equal(new Set(names.map((name) => one.store.shardOf(name))).size, 16)
    for (const name of names) {
      const shard = one.store.shardOf(name)
      t.same(await one.store.fill(shard, [fillOf(name, entryOf(await grant(one.store, shard, name)))]), [
        true,
      ])
    }
    const found: string[] = []
    for await (const page of other.store.scan('books:*')) found.push(...page)
    t.same(found.toSorted(), names.toSorted())
    for (let shard = 0; shard < 16; shard++) await one.store.invalidate(shard, what({ tags: ['a'] }), NOTE)
    await link.run((redis) => redis.publish(CHANNEL, 'books:v1:42'))
    await until('all is heard', () => heard.length === 16 && plain.includes('books:v1:42'))
    const shards = heard.flatMap((received) => (received.kind === 'change' ? received.shard : []))
    t.same(
      shards.toSorted((a, b) => a - b),
      Array.from({ length: 16 }, (_, shard) => shard),
    )
  })

  await t.test('a slot that moves while it is worked on loses nothing', async (t) => {
    const bench = await benchOf(t, subjects)
    const { one, other, shard, subject } = bench
    const heard = await hearing(t, subject.other)
    await one.probe(shard, 'r', LONG, false)
    await bench.put(bench.name('kept'))
    const before = await bench.head()
    const slot = await slotOf(bench)
    const from = await cluster.masterOf(slot)
    const to = (await cluster.masters()).find((node) => node !== from)
    if (!to) throw new Error('no other master')
    let working = true
    const done: Change[] = []
    const work = Promise.all(
      [one, other].map(async (store) => {
        for (let i = 0; working; i++) {
          const keys = [bench.name(`busy${i % 5}`)]
          await store.invalidate(shard, what({ keys }), NOTE).then(
            ({ change }) => done.push(change),
            () => {},
          )
          await kindOf(store, shard, bench.name(`load${i}`)).catch(() => {})
        }
      }),
    )
    await until('work goes on', () => done.length > 5)
    const migration = await cluster.beginMigration(slot, to)
    await migration.moveKeys([keySpace(subject.one.prefix, 16).log(shard)])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await migration.finish()
    await until('both have found the new node', async () => {
      await other.invalidate(shard, what({ tags: ['there'] }), NOTE).then(({ change }) => done.push(change))
      return (await cluster.masterOf(slot)) === to
    })
    const moved = done.length
    await until('work goes on', () => done.length > moved + 5)
    working = false
    await work
    const ordered = done.toSorted((a, b) => a.seq - b.seq)
    t.ok(ordered.every(({ incarnation }) => incarnation === before.incarnation))
    const { changes } = await one.replay(shard, before.seq)
    t.ok(chained(changes))
    t.same(
      changes.filter(({ token }) => done.some((change) => change.token === token)),
      ordered,
    )
    t.ok(await bench.present(bench.name('kept')))
    t.not(
      (await one.probe(shard, 'r', LONG, false)).head.incarnation,
      before.incarnation,
      'on another server',
    )
    await hearsAgain(bench, heard)
  })

  await t.test('a failover ends the histories of its shards, and of no others', async (t) => {
    const bench = await benchOf(t, subjects)
    const { one, other, shard, subject } = bench
    const heard = await hearing(t, subject.other)
    const slot = await slotOf(bench)
    const master = await cluster.masterOf(slot)
    const heads = await Promise.all(
      Array.from({ length: 16 }, async (_, at) => (await one.probe(at, 'r', LONG, false)).head),
    )
    const name = bench.name('42')
    await bench.put(name)
    const mine = await grant(one, shard, bench.name('loading'))
    const writer = token()
    const begun = await one.begin(shard, [bench.name('written')], writer, LONG, NOTE)
    await link.run(
      (redis) => redis.eval("return redis.call('PING')", 1, keySpace(subject.one.prefix, 16).head(shard)),
      shard,
    )
    await new Promise((resolve) => setTimeout(resolve, 200))

    const replica = await cluster.failover(master)
    t.equal(await cluster.masterOf(slot), replica)
    const { incarnation } = begun.head
    const ended = await until(
      'the new master answers',
      () => one.end(shard, [bench.name('written')], writer, incarnation, [], NOTE),
      20_000,
    )
    t.equal(ended.stood, false)
    t.not(ended.head.incarnation, incarnation)
    const late = fillOf(bench.name('loading'), entryOf(mine))
    t.same(await until('both have found it', () => other.fill(shard, [late]), 20_000), [false])
    const { head, entries } = await other.read(shard, [name])
    t.not(entries[0] && readHeader(entries[0])?.incarnation, head?.incarnation)
    await Promise.all(
      heads.map(async (before, at) => {
        const key = keySpace(subject.one.prefix, 16).head(at)
        const own = Number(await link.run((redis) => redis.callBuffer('cluster', 'keyslot', key)))
        const moved = (await cluster.masterOf(own)) === replica
        const { head } = await one.probe(at, 'r', LONG, false)
        t.equal(head.incarnation !== before.incarnation, moved, `shard ${at}`)
      }),
    )
    await hearsAgain(bench, heard)
  })

  await t.test('and after it all', (t) => storeContract(t, subjects))
})
