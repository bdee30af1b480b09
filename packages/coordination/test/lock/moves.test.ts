import { testCluster, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink } from './links.ts'
import { locksOver } from './rig.ts'

await test('S3 on a Cluster, slots move while locks are held and waited for', async (t) => {
  const cluster = await testCluster(t, { masters: 3, replicasPerMaster: 0 })
  const place = { REDIS_CLUSTER_NODES: cluster.addresses }
  const [a, b] = [await openLink(t, place, 'a'), await openLink(t, place, 'b')]
  const [one, other] = [locksOver(t, a), locksOver(t, b)]
  const resource = 'order:42'
  const before = await one.acquire(resource)
  const shard = await until('its shard is found', async () => {
    for (let shard = 0; shard < a.shards; shard++)
      if (await a.run((redis) => redis.exists(`shop:{${shard}}:lock:state:${resource}`), shard)) return shard
    return undefined
  })
  const slot = Number(await a.run((redis) => redis.callBuffer('cluster', 'keyslot', `{${shard}}`), shard))
  await before.release()

  let last = before.fence
  for (let round = 0; round < 3; round++) {
    const lock = await one.acquire(resource, { ttl: '30s', wait: '60s' })
    const waiting = other.acquire(resource, { ttl: '30s', wait: '60s' })
    await until('it waits', () => other.stats().waiting === 1)
    const owner = await cluster.masterOf(slot)
    const to = cluster.nodes.find((node) => node !== owner)
    if (!to) throw new Error('there is no other node')
    await cluster.migrateSlot(slot, to)
    lock.assertHeld()
    t.not(await lock.release(), 'gone')
    const next = await waiting
    t.ok(next.fence > lock.fence && lock.fence > last)
    last = next.fence
    t.equal(await one.tryAcquire(resource), null)
    t.equal(await next.release(), 'released')
  }
  t.ok(other.stats().longestWaitMs < 15_000, `${other.stats().longestWaitMs} ms, and not until a lease ends`)
  t.same([one.stats().lost, other.stats().lost, one.stats().owed, other.stats().owed], [0, 0, 0, 0])
})
