import { recordingLogger, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { createQuorumLocks } from '../../src/index.ts'
import { lockContract } from './contract.ts'
import { openLink, ready, urlOf } from './links.ts'

await test('a majority of independent servers', async (t) => {
  const servers = [await testRedis(t), await testRedis(t), await testRedis(t)]
  const linksOf = (name: string) => Promise.all(servers.map(({ port }) => openLink(t, urlOf(port), name)))
  const [a, b] = [await linksOf('a'), await linksOf('b')]
  const logger = recordingLogger()
  const one = await ready(t, createQuorumLocks({ servers: a, prefix: 'shop', logger }))
  const other = await ready(t, createQuorumLocks({ servers: b, prefix: 'shop', logger }))
  const flush = () => Promise.all(a.map((link) => link.run((redis) => redis.callBuffer('flushall'))))
  const subject = { one, other, flush }
  await t.test('the contract', (t) => lockContract(t, subject))

  await t.test('one server fewer is no loss; one that has forgotten everything neither', async (t) => {
    const lock = await one.acquire('order:1', { ttl: '30s' })
    await a[0]?.run((redis) => redis.callBuffer('flushall'))
    t.equal(await other.tryAcquire('order:1'), null)
    await servers[2]?.kill()
    await lock.release()
    await other.run('order:1', {}, (held) => t.equal(held.held, true))
  })

  await t.test('without a majority nobody has it, and the wait has its end', async (t) => {
    await servers[1]?.kill()
    await t.rejects(one.acquire('order:1', { wait: '300ms' }), {
      code: 'LOCKSTEP_LOCK_TIMEOUT',
      message: /Redis does not answer$/,
    })
    await t.rejects(one.tryAcquire('order:1'), { code: 'LOCKSTEP_LOCK_UNAVAILABLE' })
  })

  t.throws(() => createQuorumLocks({ servers: a.slice(1), prefix: 'shop', logger }), {
    code: 'LOCKSTEP_LOCK_OPTION',
  })
  await t.test('closed', async () => {
    await one.close()
    await other.close()
  })
})
