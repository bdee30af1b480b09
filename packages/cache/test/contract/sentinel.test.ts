import { testSentinel, until } from '@lockstep/testing'
import { test } from 'tap'
import { readHeader } from '../../src/codec/entry.ts'
import { storeContract } from './contract.ts'
import { openLink } from './links.ts'
import { benchOf, entryOf, fillOf, grant, hearing, hearsAgain, LONG, NOTE, token } from './material.ts'
import { subjectsOn } from './redis.ts'

await test('through Sentinel', async (t) => {
  const sentinel = await testSentinel(t)
  const place = { REDIS_SENTINELS: sentinel.addresses, REDIS_SENTINEL_NAME: sentinel.name }
  const links = [await openLink(t, place), await openLink(t, place)]
  const [link] = links
  if (!link) throw new Error('no link')
  const subjects = subjectsOn(links)

  await t.test('before a failover', (t) => storeContract(t, subjects))

  await t.test('a failover ends the history: nothing that was granted in it counts any more', async (t) => {
    const bench = await benchOf(t, subjects)
    const { one, other, shard, subject } = bench
    const [filled, loading, written] = ['filled', 'loading', 'written'].map((id) => bench.name(id))
    if (!filled || !loading || !written) throw new Error('no names')
    const heard = await hearing(t, subject.other)
    await one.probe(shard, 'r', LONG, false)
    await bench.put(filled, { version: 1 })
    const mine = await grant(one, shard, loading)
    const writer = token()
    const begun = await one.begin(shard, [written], writer, LONG, NOTE)
    const before = await bench.head()
    await link.run((redis) => redis.callBuffer('wait', 1, 5000))

    await sentinel.failover()
    const inherited = await until(
      'the new primary answers',
      async () => (await other.read(shard, [filled])).head,
    )
    t.same(inherited, before, 'the replica has it all')

    const bytes = entryOf({ token: token(), head: begun.head })
    const ended = await until('the first client has found it, too', () =>
      one.end(
        shard,
        [written],
        writer,
        begun.head.incarnation,
        [{ name: written, bytes, lifetime: LONG }],
        NOTE,
      ),
    )
    t.same([ended.stood, ended.stored], [false, false], 'nobody knows whether the intent met another')
    t.not(ended.head.incarnation, before.incarnation)
    t.equal((await one.probe(shard, 'r', LONG, false)).head.incarnation, ended.head.incarnation, 'once')
    t.same(await one.fill(shard, [fillOf(loading, entryOf(mine))]), [false])
    const { head, entries } = await other.read(shard, [filled])
    t.not(
      entries[0] && readHeader(entries[0])?.incarnation,
      head?.incarnation,
      'entries are of another history',
    )
    await hearsAgain(bench, heard)
  })

  await t.test('and after it', (t) => storeContract(t, subjects))
})
