import { recordingLogger, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { createSemaphores } from '../../src/index.ts'
import { closeContract, lockContract } from './contract.ts'
import { openLink, ready, urlOf } from './links.ts'
import { queueLengthOf } from './rig.ts'

await test('a semaphore', async (t) => {
  const { port } = await testRedis(t)
  const logger = recordingLogger()
  const [a, b] = [await openLink(t, urlOf(port), 'a'), await openLink(t, urlOf(port), 'b')]
  const pair = async (prefix: string, permits: number) => ({
    one: await ready(t, createSemaphores({ redis: a, prefix, permits, logger })),
    other: await ready(t, createSemaphores({ redis: b, prefix, permits, logger })),
    queueLength: (resource: string) => queueLengthOf(a, resource, { prefix, kind: 'semaphore' }),
    flush: () => a.run((redis) => redis.callBuffer('flushall')),
  })

  await t.test('of one permit is a lock', async (t) => {
    const subject = await pair('single', 1)
    await lockContract(t, subject)
    await t.test('closed', (t) => closeContract(t, subject))
  })

  await t.test('of three is held by three, and the fourth is next', async (t) => {
    const { one, other, queueLength } = await pair('three', 3)
    const standing = (count: number) =>
      until(`${count} stand in the queue`, async () => (await queueLength('imports')) === count)
    const held = [await one.acquire('imports'), await other.acquire('imports'), await one.acquire('imports')]
    t.equal(await other.tryAcquire('imports'), null)
    const had: string[] = []
    const fourth = other.acquire('imports', { wait: '20s' }).then((lock) => (had.push('fourth'), lock))
    await standing(1)
    const fifth = one.acquire('imports', { wait: '20s' }).then((lock) => (had.push('fifth'), lock))
    await standing(2)
    t.same(had, [])
    const [first, ...others] = held
    await first?.release()
    const next = await fourth
    t.same(had, ['fourth'])
    await standing(1)
    await others[0]?.release()
    const last = await fifth
    t.same(had, ['fourth', 'fifth'])
    await Promise.all([next, last, ...others].map((lock) => lock.release()))
    await one.close()
    await other.close()
  })

  await t.test('never has more holders than permits, and all of them are used', async (t) => {
    const { one, other } = await pair('many', 3)
    let inside = 0
    let most = 0
    const full = Promise.withResolvers<void>()
    const work = async () => {
      most = Math.max(most, ++inside)
      if (inside === 3) full.resolve()
      await full.promise
      await new Promise((resolve) => setTimeout(resolve, 2))
      inside--
    }
    const callers = [one, other].flatMap((locks) =>
      Array.from({ length: 30 }, () => locks.run('imports', { wait: '30s' }, work)),
    )
    await Promise.all(callers)
    t.equal(most, 3)
    await one.close()
    await other.close()
  })

  t.throws(() => createSemaphores({ redis: a, prefix: 'shop', permits: 0, logger }), {
    code: 'LOCKSTEP_LOCK_OPTION',
  })
})
