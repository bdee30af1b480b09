import { recordingLogger, testSentinel } from '@lockstep/testing'
import { test } from 'tap'
import { createLocks } from '../../src/index.ts'
import { closeContract, lockContract } from './contract.ts'
import { openLink, ready } from './links.ts'
import { queueLengthOf } from './rig.ts'

await test('through Sentinel', async (t) => {
  const sentinel = await testSentinel(t)
  const place = { REDIS_SENTINELS: sentinel.addresses, REDIS_SENTINEL_NAME: sentinel.name }
  const [a, b] = [await openLink(t, place, 'a'), await openLink(t, place, 'b')]
  const logger = recordingLogger()
  const one = await ready(t, createLocks({ redis: a, prefix: 'shop', logger }))
  const other = await ready(t, createLocks({ redis: b, prefix: 'shop', logger }))
  const durability = { replicas: 1, within: '900ms' } as const
  const durable = await ready(t, createLocks({ redis: b, prefix: 'shop', logger, durability }))
  const flush = () => a.run((redis) => redis.callBuffer('flushall'))
  const inQueue = (resource: string) => queueLengthOf(a, resource)
  const subject = { one, other, queueLength: inQueue, flush }
  await t.test('the contract', (t) => lockContract(t, subject))

  await t.test('a failover: what a replica has heard of is held, who waits has it next', async (t) => {
    const lock = await durable.acquire('order:42', { ttl: '30s' })
    const waiting = one.acquire('order:42', { wait: '60s' })
    await sentinel.failover()
    t.equal((await lock.release()) === 'gone', false, 'the new primary knew it, or is asked again')
    const next = await waiting
    t.ok(next.fence > lock.fence)
    t.equal(lock.signal.aborted, false)
    await next.release()
  })

  await t.test('closed', (t) => closeContract(t, subject))
})
