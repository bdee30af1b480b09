import { recordingLogger, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { createLocks } from '../../src/index.ts'
import { closeContract, lockContract } from './contract.ts'
import { openLink, ready, urlOf } from './links.ts'
import { queueLengthOf } from './rig.ts'

await test('on one Redis', async (t) => {
  const { port } = await testRedis(t)
  const logger = recordingLogger()
  const [a, b] = [await openLink(t, urlOf(port), 'a'), await openLink(t, urlOf(port), 'b')]
  const one = await ready(t, createLocks({ redis: a, prefix: 'shop', logger }))
  const other = await ready(t, createLocks({ redis: b, prefix: 'shop', logger }))
  const flush = () => a.run((redis) => redis.callBuffer('flushall'))
  const inQueue = (resource: string) => queueLengthOf(a, resource)
  const subject = { one, other, queueLength: inQueue, flush }
  await t.test('the contract', (t) => lockContract(t, subject))

  await t.test('each holder has a higher fence than those before, whatever Redis forgets', async (t) => {
    const fences: number[] = []
    for (let round = 0; round < 10; round++) {
      if (round % 3 === 2) await flush()
      await (round % 2 ? one : other).run('order:42', {}, ({ fence }) => fences.push(fence))
    }
    t.ok(
      fences.every((fence, i) => Number.isSafeInteger(fence) && fence > (fences[i - 1] ?? 0)),
      fences.join(' '),
    )
  })

  await t.test('what another program wrote there is a coded error, for that resource alone', async (t) => {
    await a.run((redis) => redis.set('shop:{0}:lock:state:strange', 'hello', 'PX', 60_000))
    const [strange, fine] = await Promise.allSettled([one.acquire('strange'), one.acquire('fine')])
    t.match(strange, {
      status: 'rejected',
      reason: { code: 'LOCKSTEP_LOCK_REPLY', message: /strange.*hello/ },
    })
    t.equal(fine.status, 'fulfilled')
    if (fine.status === 'fulfilled') await fine.value.release()
  })

  await t.test('closed', (t) => closeContract(t, subject))
})
