import { LockUnavailableError } from '@lockstep/coordination'
import { ManualClock, recordingLogger } from '@lockstep/testing'
import { test } from 'tap'
import type { Announcement } from '../src/orders/announcing.ts'
import { announcerPass } from '../src/processing/announcer.ts'
import { createLoop } from '../src/processing/loop.ts'
import type { Outcome } from '../src/processing/processor.ts'
import { workerPass } from '../src/processing/worker.ts'
import { ShopAwayError } from '../src/shop/away.ts'
import { serviceToken } from '../src/shop/service-token.ts'

/** Lets what was resolved go on. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A loop whose looks end when the test says so. */
function heldLoop() {
  const clock = new ManualClock()
  const logger = recordingLogger()
  const looks: { end: (more: boolean) => void; fail: (error: Error) => void }[] = []
  const loop = createLoop({
    name: 'testing',
    every: 1000,
    logger,
    clock,
    pass: () =>
      new Promise<boolean>((resolve, reject) => {
        looks.push({ end: resolve, fail: reject })
      }),
  })
  const end = async (more = false) => {
    looks.at(-1)?.end(more)
    await turn()
  }
  const fail = async () => {
    looks.at(-1)?.fail(new Error('away'))
    await turn()
  }
  return { clock, logger, looks, loop, end, fail }
}

await test('S4 a loop looks at its start, when it is woken, and now and then; one look at a time', async (t) => {
  const { clock, looks, loop, end } = heldLoop()
  loop.wake()
  t.equal(looks.length, 0, 'not before its start')
  loop.start()
  loop.start()
  t.equal(looks.length, 1)
  await end()
  clock.advance(999)
  t.equal(looks.length, 1)
  clock.advance(1)
  t.equal(looks.length, 2, 'by itself')
  await end()
  loop.wake()
  t.equal(looks.length, 3, 'woken')
  loop.wake()
  loop.wake()
  t.equal(looks.length, 3, 'one at a time')
  await end()
  t.equal(looks.length, 4, 'once more, for what came meanwhile')
  await end(true)
  t.equal(looks.length, 5, 'there was more')
  const stopped = loop.stop()
  await end(true)
  await stopped
  clock.advance(10_000)
  loop.wake()
  t.equal(looks.length, 5, 'and no more when it has stopped')
})

await test('C4 a loop that fails waits, and says so once; and once that it goes on', async (t) => {
  const { clock, logger, looks, loop, end, fail } = heldLoop()
  loop.start()
  for (let look = 1; look <= 3; look++) {
    t.equal(looks.length, look)
    loop.wake()
    await fail()
    t.equal(looks.length, look, 'it does not try at once')
    clock.advance(1000)
  }
  await end()
  t.same(logger.messages(), ['testing waits', 'testing goes on'])
})

/** A worker over orders that end as told; `undefined`: the attempt is held. */
function worker(orders: readonly number[], attempt: (id: number) => Promise<Outcome>, concurrency = 2) {
  const logger = recordingLogger()
  const processed: number[] = []
  const pass = workerPass({
    processor: { attempt, process: attempt },
    oldest: async (limit) => orders.slice(0, limit),
    concurrency,
    onProcessed: () => processed.push(1),
    logger,
  })
  return { pass, processed, logger }
}

await test('S4 a worker takes the oldest first, no more at once than told, and passes over what others have', async (t) => {
  const began: number[] = []
  let atWork = 0
  let most = 0
  const { pass, processed } = worker([1, 2, 3, 4, 5], async (id) => {
    began.push(id)
    most = Math.max(most, ++atWork)
    await turn()
    atWork--
    return id === 2 ? 'busy' : 'processed'
  })
  t.equal(await pass(), false)
  t.same(began, [1, 2, 3, 4, 5])
  t.equal(most, 2)
  t.equal(processed.length, 4)
})

await test('S4 an order that cannot be processed stops no other; Redis away stops the look', async (t) => {
  const bad = worker(
    [1, 2, 3],
    async (id) => {
      if (id === 1) throw new Error('a defect')
      return 'processed'
    },
    1,
  )
  t.equal(await bad.pass(), false)
  t.equal(bad.processed.length, 2)
  t.match(bad.logger.lines, [{ level: 'warn', details: { order: 1 }, message: 'order not processed' }])

  const tried: number[] = []
  const away = worker(
    [1, 2, 3],
    async (id) => {
      tried.push(id)
      throw new LockUnavailableError(`order:${id}`, {})
    },
    1,
  )
  await t.rejects(away.pass(), { code: 'LOCKSTEP_LOCK_UNAVAILABLE' })
  t.same(tried, [1])
})

await test('S4 a full look means that there may be more, unless nothing of it was for this replica', async (t) => {
  const many = Array.from({ length: 150 }, (_, n) => n)
  t.equal(await worker(many, async () => 'processed').pass(), true)
  t.equal(await worker(many, async () => 'busy').pass(), false)
})

await test('A4 an announcement that fails leaves the others their acknowledgement', async (t) => {
  const announcement = (id: number): Announcement => ({
    eventId: `event-${id}`,
    order: { id, user: '1', state: 'processed', items: [], placedAt: '', updatedAt: '' },
  })
  const completed: number[] = []
  const pass = announcerPass({
    activity: {
      announce: async ({ order }) => {
        if (order.id === 1) throw new ShopAwayError('activity', 'answers 503')
      },
    },
    take: async () => [announcement(1), announcement(2)],
    complete: async (id) => completed.push(id),
  })
  await t.rejects(pass(), { message: 'The activity service answers 503' })
  t.same(completed, [2])
})

await test('the token of the service is issued anew at half of its life', async (t) => {
  let issued = 0
  let now = 0
  const issue = async () => ({ token: `token-${++issued}`, expiresIn: 900 })
  const token = serviceToken({ issue }, 'orders', () => now)
  t.equal(await token(), 'token-1')
  now = 449_999
  t.equal(await token(), 'token-1')
  now = 450_000
  t.equal(await token(), 'token-2')
})
