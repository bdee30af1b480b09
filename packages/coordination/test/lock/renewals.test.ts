import { faultProxy, ManualClock, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import type { FencedLock } from '../../src/index.ts'
import { deadlineOf } from '../../src/lock/lease.ts'
import { openLink, urlOf } from './links.ts'
import { keyOf, lockConnection, locksOver, monitor, serverTime, stateOf } from './rig.ts'

await test('S3 a lease ends without a word from Redis', async (t) => {
  const { port } = await testRedis(t)
  const proxy = await faultProxy(port)
  t.teardown(() => proxy.close())
  const direct = await openLink(t, urlOf(port), 'direct')
  const link = await openLink(t, { ...urlOf(proxy.port), REDIS_COMMAND_TIMEOUT: '100ms' }, 'behind')
  const one = locksOver(t, link)
  const other = locksOver(t, direct)

  const aborted = (lock: FencedLock) =>
    new Promise<number>((resolve) =>
      lock.signal.addEventListener('abort', () => resolve(performance.now()), { once: true }),
    )
  const recover = async () => {
    proxy.heal()
    proxy.reset(lockConnection)
    await until('it answers', async () => (await one.tryAcquire('probe'))?.release())
  }

  await t.test('renewals in a black hole: it aborts at its deadline, before Redis lets it go', async (t) => {
    const lock = await one.acquire('a', { ttl: '600ms' })
    proxy.blackHole(lockConnection)
    const deadline = performance.now() + lock.rest
    const abort = aborted(lock)
    const { ends } = (await stateOf(direct, 'a')).holders[0] ?? { ends: 0 }
    // What was true when the server was asked is looked at after its answer: held later means held then.
    let last = 0
    while (lock.held) {
      const at = await serverTime(direct)
      if (lock.held) last = at
    }
    t.throws(() => lock.assertHeld(), { code: 'LOCKSTEP_LOCK_LOST', reason: 'expired', resource: 'a' })
    t.ok(last < ends, `held at ${last}, and Redis's lease ended at ${ends}`)
    const late = (await abort) - deadline
    t.ok(late > -1, `${late} ms late`)
    t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'expired' })
    t.equal((await stateOf(direct, 'a')).holders[0]?.ends, ends, 'no renewal came through')
    await recover()
  })

  await t.test('and it is of use until its deadline, when it aborts', async (t) => {
    const clock = new ManualClock()
    const lock = await locksOver(t, link, { clock }).acquire('d', { ttl: 10_000 })
    const { signal } = lock
    proxy.blackHole(lockConnection)
    // Of 10 s the drift of two clocks takes 10 ms, and what Redis rounds off another.
    clock.advance(9988)
    t.same([lock.held, signal.aborted], [true, false])
    clock.advance(1)
    t.same([lock.held, signal.aborted], [false, true])
    await recover()
  })

  await t.test('a black hole shorter than the lease: renewals are sent again, and it is kept', async (t) => {
    const lock = await one.acquire('b', { ttl: '3s' })
    const { ends } = (await stateOf(direct, 'b')).holders[0] ?? { ends: 0 }
    proxy.blackHole(lockConnection)
    // The renewal after a second is lost.
    await until('it was to be renewed', () => lock.rest < 1900)
    await recover()
    await until('it would be over', async () => (await serverTime(direct)) > ends + 200)
    lock.assertHeld()
    t.equal(lock.signal.aborted, false)
    t.equal(await other.tryAcquire('b'), null)
    t.equal(await lock.release(), 'released')
  })

  await t.test('Redis counts whole ms, and never fewer than the holder', async (t) => {
    // So short that what two clocks may drift apart is less than what is rounded off.
    const ttl = 200
    for (let trial = 0; trial < 30; trial++) {
      const lock = await other.acquire('c', { ttl, wait: '20s' })
      const { fence, holders } = await stateOf(direct, 'c')
      await lock.release()
      // A fence is the time of its grant in µs; the ask was sent no later.
      const relied = deadlineOf(fence / 1000, ttl)
      t.ok(relied <= Number(holders[0]?.ends), `relied on until ${relied}, ends at ${holders[0]?.ends}`)
    }
  })
})

await test('S3 who hangs loses it: maxHold', async (t) => {
  const { port } = await testRedis(t)
  const direct = await openLink(t, urlOf(port), 'direct')
  const locks = locksOver(t, direct)
  const other = locksOver(t, direct)
  const seen = await monitor(t, port)

  await t.test('is the end of its renewals, and Redis knows', async (t) => {
    const clock = new ManualClock()
    const [ttl, maxHold] = [30_000, 90_000]
    const before = seen.length
    const lock = await locksOver(t, direct, { clock }).acquire('a', { ttl, maxHold })
    const { signal } = lock
    for (let passed = 10_000; passed < maxHold; passed += 10_000) {
      clock.advance(10_000)
      const rest = Math.min(ttl - 100, maxHold - passed - 10)
      await until('it is renewed, for as long as it may be', () => lock.rest > rest)
    }
    const renewals = seen.slice(before).flatMap(({ by, words }) => {
      const [operation, , ms] = words.slice(-4)
      return by !== 'lua' && operation === 'renew' ? [Number(ms)] : []
    })
    // The last is sent 20 s before the end, for as much as can be relied on as 20 s.
    t.same(renewals, [ttl, ttl, ttl, ttl, ttl, ttl, 20_022])
    t.equal(signal.aborted, false)
    clock.advance(10_000)
    t.match(signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'max hold' })
  })

  await t.test('shorter than the lease, it is the lease', async (t) => {
    const lock = await locks.acquire('b', { ttl: '30s', maxHold: '200ms' })
    const next = await other.acquire('b', { wait: '10s' })
    t.equal(lock.held, false)
    await next.release()
  })
})

await test('S3 clocks', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port), 'direct')
  const ttl = 10_000

  await t.test('the machine was suspended: the first look at the lock says so', async (t) => {
    const clock = new ManualClock()
    const locks = locksOver(t, link, { clock })
    const lock = await locks.acquire('a', { ttl })
    lock.assertHeld()
    clock.suspend(ttl)
    // Time is looked at again when a tenth of a millisecond has passed.
    clock.stop(0.1)
    t.throws(() => lock.assertHeld(), { code: 'LOCKSTEP_LOCK_LOST' })
    t.equal(lock.held, false)
    clock.advance(ttl / 3)
    t.equal(lock.signal.aborted, true, 'and the next timer that runs aborts it')
  })

  await t.test('the process was stopped: the same', async (t) => {
    const clock = new ManualClock()
    const locks = locksOver(t, link, { clock })
    const lock = await locks.acquire('b', { ttl })
    clock.stop(ttl)
    t.throws(() => lock.assertHeld(), { code: 'LOCKSTEP_LOCK_LOST' })
  })

  await t.test('the wall clock was set back: the lease is no longer for that', async (t) => {
    const clock = new ManualClock()
    const locks = locksOver(t, link, { clock })
    const lock = await locks.acquire('c', { ttl })
    clock.setBack(3_600_000)
    clock.stop(ttl - 20)
    t.equal(lock.held, true)
    clock.stop(20)
    t.throws(() => lock.assertHeld(), { code: 'LOCKSTEP_LOCK_LOST' })
    clock.advance(0)
    await link.run((redis) => redis.del(keyOf('state', 'c')))
  })
})
