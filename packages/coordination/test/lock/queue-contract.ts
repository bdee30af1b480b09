import { randomUUID } from 'node:crypto'
import { until } from '@lockstep/testing'
import type { Test } from 'tap'
import type { Lock } from '../../src/index.ts'
import type { Subject } from './contract.ts'

/** What a backend with a queue keeps besides. */
export async function queueContract(
  t: Test,
  { one, other }: Subject,
  queueLength: (resource: string) => Promise<number>,
): Promise<void> {
  const standing = (resource: string, count: number) =>
    until(`${count} stand in the queue`, async () => (await queueLength(resource)) === count)
  const name = () => `order:${randomUUID()}`

  await t.test('first come, first served, between processes and within one', async (t) => {
    const resource = name()
    const holder = await one.acquire(resource)
    const order: string[] = []
    const queue = async (who: string, locks = who.startsWith('one') ? one : other) => {
      const before = locks.stats().waiting
      const turn = locks.acquire(resource, { wait: '20s' }).then(async (lock) => {
        order.push(who)
        await lock.release()
      })
      await until('it waits', () => locks.stats().waiting === before + 1)
      return { turn }
    }
    const turns = [await queue('one 1'), await queue('one 2'), await queue('one 3')]
    // One of a process stands in Redis: the first of the other comes behind that one, whoever waits here behind it.
    await standing(resource, 1)
    t.equal(await one.tryAcquire(resource), null)
    turns.push(await queue('other 1'))
    await standing(resource, 2)
    await holder.release()
    await Promise.all(turns.map(({ turn }) => turn))
    t.same(
      order.filter((who) => who.startsWith('one')),
      ['one 1', 'one 2', 'one 3'],
    )
    t.ok(order.indexOf('other 1') < order.indexOf('one 3'), order.join(', '))
  })

  await t.test('whoever tries without waiting never overtakes who waits', async (t) => {
    const resource = name()
    const holder = await one.acquire(resource)
    const waiting = other.acquire(resource, { wait: '20s' })
    await standing(resource, 1)
    const overtaking: (Lock | null)[] = []
    const trying = (async () => {
      while (other.stats().waiting > 0) overtaking.push(await one.tryAcquire(resource))
    })()
    await until('some have tried', () => overtaking.length > 3)
    await holder.release()
    const lock = await waiting
    await trying
    t.same(new Set(overtaking), new Set([null]))
    await lock.release()
  })

  await t.test('who is released to is told: it does not poll', async (t) => {
    const resource = name()
    const before = other.stats().handOffs
    const handOffs = () => other.stats().handOffs - before
    // A wait of a second is ended by a poll: that is rare, also on a machine that is busy.
    for (let round = 0; round < 20 && handOffs() < 3; round++) {
      const holder = await one.acquire(resource)
      const waiting = other.acquire(resource, { wait: '20s' })
      await standing(resource, 1)
      await holder.release()
      await (await waiting).release()
    }
    t.equal(handOffs(), 3)
  })

  await t.test('who gives up leaves the queue to the next', async (t) => {
    const resource = name()
    const holder = await one.acquire(resource)
    const first = other.acquire(resource, { wait: '300ms' })
    const second = one.acquire(resource, { wait: '20s' })
    await t.rejects(first, { code: 'LOCKSTEP_LOCK_TIMEOUT' })
    await standing(resource, 1)
    await holder.release()
    await (await second).release()
    t.ok(one.stats().longestWaitMs < 15_000)
  })
}
