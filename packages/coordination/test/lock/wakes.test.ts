import { faultProxy, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { locksOver, oneOfFew, queueLength, say, startWorker, subscriber } from './rig.ts'

/** Nobody waits so long for a lock that is released: who is not told asks again each second. */
const wait = '30s'
const ttl = '60s'

await test('S3 those who wait are woken, or wake by themselves', async (t) => {
  const { port } = await testRedis(t)
  const proxy = await faultProxy(port)
  t.teardown(() => proxy.close())
  const direct = await openLink(t, urlOf(port), 'direct')
  const link = await openLink(t, urlOf(proxy.port), 'behind')
  const [one, other, third] = [locksOver(t, direct), locksOver(t, link), locksOver(t, direct)]
  const standing = (resource: string, count: number) =>
    until(`${count} stand in the queue`, async () => (await queueLength(direct, resource)) === count, 20_000)

  /** They take long to start: one of them holds a lock, and the others wait. */
  const processes = (async () => {
    const start = (resource: string) => startWorker(t, './waiter.ts', { port, resource })
    const lock = await one.acquire('d1', { ttl })
    const holder = start('d2')
    await until('another process holds it', () => holder.lines.includes('held'), 30_000)
    return { lock, holder, waiting: [start('d1'), start('d2')] }
  })()

  await t.test('the subscribers are killed, and at once it is released', async (t) => {
    const lock = await one.acquire('a', { ttl })
    const waiting = other.acquire('a', { wait })
    await standing('a', 1)
    await say(direct, 'client', 'kill', 'type', 'pubsub')
    await lock.release()
    const next = await waiting
    t.equal(next.held, true)
    await next.release()
  })

  await t.test('killed while it waits, they subscribe again, and are told', async (t) => {
    const handOffs = await oneOfFew(
      async (round) => {
        const resource = `b${round}`
        const lock = await one.acquire(resource, { ttl })
        const before = other.stats().handOffs
        const waiting = other.acquire(resource, { wait })
        await standing(resource, 1)
        const channels = async () =>
          [await say(direct, 'pubsub', 'channels', 'shop:{0}:wake:*')].flat().length
        const most = await until('they listen', async () => (await channels()) || false)
        await say(direct, 'client', 'kill', 'type', 'pubsub')
        await until('they listen again', async () => (await channels()) >= most)
        await lock.release()
        await (await waiting).release()
        return other.stats().handOffs - before
      },
      (count) => count === 1,
    )
    t.equal(handOffs, 1)
  })

  await t.test('the head of the queue lives, and its subscriber is deaf', async (t) => {
    const order = await oneOfFew(
      async (round) => {
        const resource = `c${round}`
        const lock = await one.acquire(resource, { ttl })
        const head = other.acquire(resource, { wait })
        await standing(resource, 1)
        const second = third.acquire(resource, { wait })
        await standing(resource, 2)
        proxy.blackHole(subscriber)
        const had: string[] = []
        await lock.release()
        await Promise.all([
          head.then((held) => (had.push('head'), held.release())),
          second.then((held) => (had.push('second'), held.release())),
        ])
        proxy.heal()
        proxy.reset(subscriber)
        return had
      },
      ([first]) => first === 'head',
    )
    t.same(order, ['head', 'second'])
  })

  await t.test('the head of the queue is dead', async (t) => {
    const { lock, holder, waiting } = await processes
    await Promise.all([standing('d1', 1), standing('d2', 1)])
    const seconds = [third.acquire('d1', { wait }), third.acquire('d2', { wait })]
    await Promise.all([standing('d1', 2), standing('d2', 2)])
    for (const worker of [holder, ...waiting]) await worker.kill()
    await lock.release()
    const had = await Promise.all(seconds)
    t.same([await queueLength(direct, 'd1'), await queueLength(direct, 'd2')], [0, 0])
    t.ok(had.every(({ held }) => held))
    await Promise.all(had.map((lock) => lock.release()))
  })

  await t.test('the head gives up when it was told: the next is told', async (t) => {
    const handOffs = await oneOfFew(
      async (round) => {
        const resource = `e${round}`
        const lock = await one.acquire(resource, { ttl })
        const aborter = new AbortController()
        const head = other.acquire(resource, { wait, signal: aborter.signal })
        await standing(resource, 1)
        const second = third.acquire(resource, { wait })
        await standing(resource, 2)
        // Its process does not hear it, so that the lock is free and its turn when it gives up.
        proxy.blackHole(subscriber)
        const before = third.stats().handOffs
        await lock.release()
        aborter.abort(new Error('the request is gone'))
        await t.rejects(head, { message: 'the request is gone' })
        await (await second).release()
        proxy.heal()
        proxy.reset(subscriber)
        return third.stats().handOffs - before
      },
      (count) => count === 1,
    )
    t.equal(handOffs, 1)
  })

  t.equal(one.stats().owed + other.stats().owed + third.stats().owed, 0)
})
