import { faultProxy, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { locksOver, queueLength, say, startWorker, subscriber, timed } from './rig.ts'

/** A waiter polls each second; and the machine is busy. */
const POLLED = 1800
const ttl = '60s'
const wait = '30s'

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
    const released = performance.now()
    await lock.release()
    await (await waiting).release()
    const ms = performance.now() - released
    t.ok(ms < POLLED, `${ms} ms`)
  })

  await t.test('killed while it waits, they subscribe again, and are told', async (t) => {
    const lock = await one.acquire('b', { ttl })
    const before = other.stats().handOffs
    const waiting = other.acquire('b', { wait })
    await standing('b', 1)
    const channels = async () => [await say(direct, 'pubsub', 'channels', 'shop:{0}:wake:*')].flat().length
    const most = await until('they listen', async () => (await channels()) || false)
    await say(direct, 'client', 'kill', 'type', 'pubsub')
    await until('they listen again', async () => (await channels()) >= most)
    await lock.release()
    await (await waiting).release()
    t.equal(other.stats().handOffs, before + 1)
  })

  await t.test('the head of the queue lives, and its subscriber is deaf', async (t) => {
    const lock = await one.acquire('c', { ttl })
    const head = other.acquire('c', { wait })
    await standing('c', 1)
    const second = third.acquire('c', { wait })
    await standing('c', 2)
    proxy.blackHole(subscriber)
    const order: string[] = []
    const released = performance.now()
    await lock.release()
    await Promise.all([
      head.then((held) => (order.push('head'), held.release())),
      second.then((held) => (order.push('second'), held.release())),
    ])
    const ms = performance.now() - released
    proxy.heal()
    t.same(order, ['head', 'second'])
    t.ok(ms < POLLED, `${ms} ms`)
  })

  await t.test('the head of the queue is dead', async (t) => {
    const { lock, holder, waiting } = await processes
    await Promise.all([standing('d1', 1), standing('d2', 1)])
    const seconds = [third.acquire('d1', { wait }), third.acquire('d2', { wait })]
    await Promise.all([standing('d1', 2), standing('d2', 2)])
    for (const worker of [holder, ...waiting]) await worker.kill()
    await lock.release()
    const [released, ranOut] = await Promise.all(seconds.map(timed))
    // Nobody heard that it was its turn: that is a sign.
    t.ok(released && released.ms < 3000, `${released?.ms} ms`)
    t.ok(ranOut && ranOut.ms < 5500, `${ranOut?.ms} ms, of which 1000 are the lease's`)
    t.same([await queueLength(direct, 'd1'), await queueLength(direct, 'd2')], [0, 0])
    await released?.result.release()
    await ranOut?.result.release()
  })

  await t.test('the head gives up when it was told: the next is told', async (t) => {
    const lock = await one.acquire('e', { ttl })
    const aborter = new AbortController()
    const head = other.acquire('e', { wait, signal: aborter.signal })
    await standing('e', 1)
    const second = third.acquire('e', { wait })
    await standing('e', 2)
    // Its process does not hear it, so that the lock is free and its turn when it gives up.
    proxy.blackHole(subscriber)
    const before = third.stats().handOffs
    await lock.release()
    aborter.abort(new Error('the request is gone'))
    await t.rejects(head, { message: 'the request is gone' })
    const { result, ms } = await timed(second)
    proxy.heal()
    t.equal(third.stats().handOffs, before + 1)
    t.ok(ms < 800, `${ms} ms`)
    await result.release()
  })

  t.equal(one.stats().owed + other.stats().owed + third.stats().owed, 0)
})
