import { recordingLogger, testCluster } from '@lockstep/testing'
import { test } from 'tap'
import { createLocks } from '../../src/index.ts'
import { closeContract, lockContract } from './contract.ts'
import { openLink, ready } from './links.ts'
import { queueLengthOf } from './rig.ts'

await test('on a Cluster', async (t) => {
  const cluster = await testCluster(t)
  const place = { REDIS_CLUSTER_NODES: cluster.addresses }
  const [a, b] = [await openLink(t, place, 'a'), await openLink(t, place, 'b')]
  const logger = recordingLogger()
  const one = await ready(t, createLocks({ redis: a, prefix: 'shop', logger }))
  const other = await ready(t, createLocks({ redis: b, prefix: 'shop', logger }))
  const flush = async () => {
    for (let shard = 0; shard < a.shards; shard++)
      await a.run((redis) => redis.eval("redis.call('FLUSHALL') return 1", 1, `{${shard}}`), shard)
  }
  const inQueue = (resource: string) => queueLengthOf(a, resource)
  const subject = { one, other, queueLength: inQueue, flush }
  await t.test('the contract', (t) => lockContract(t, subject))
  await t.test('closed', (t) => closeContract(t, subject))
})
