import { recordingLogger, type Teardown, testCluster, testSentinel } from '@lockstep/testing'
import { test } from 'tap'
import { createLimiter } from '../../src/index.ts'
import { openLink, patient } from './rig.ts'

/** Sixty-four keys at once, twice their limit each. */
async function holds(t: Teardown, place: Record<string, string>): Promise<number[]> {
  const link = await openLink(t, place)
  const limiter = createLimiter({ redis: link, prefix: 'test', logger: recordingLogger() })
  const tiers = [
    { limit: 3, window: '1h' },
    { limit: 5, window: '2h' },
  ] as const
  const policy = limiter.policy({ name: 'api', tiers, whenAway: 'closed', ...patient })
  const keys = Array.from({ length: 64 }, (_, n) => `user:${n}`)
  return Promise.all(
    keys.map(async (key) => {
      const decisions = await Promise.all(Array.from({ length: 6 }, () => policy.consume(key)))
      return decisions.filter(({ allowed }) => allowed).length
    }),
  )
}

await test('on a Cluster the keys of a shard go together, and each shard on its own', async (t) => {
  const cluster = await testCluster(t)
  t.same(await holds(t, { REDIS_CLUSTER_NODES: cluster.addresses }), Array(64).fill(3))
})

await test('behind Sentinel', async (t) => {
  const sentinel = await testSentinel(t)
  t.same(
    await holds(t, {
      REDIS_SENTINELS: sentinel.addresses,
      REDIS_SENTINEL_NAME: sentinel.name,
    }),
    Array(64).fill(3),
  )
})
