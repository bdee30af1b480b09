import { faultProxy, ManualClock, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import type { FencedLock } from '../../src/index.ts'
import { deadlineOf } from '../../src/lock/lease.ts'
import { openLink, urlOf } from './links.ts'
import { keyOf, lockConnection, locksOver, monitor, serverTime, stateOf } from './rig.ts'

/** How late a timer may be on a machine that is busy, in ms. */
const LAG = 150

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
    t.ok(ends - last < 100, 'and it was of use until then')
    const late = (await abort) - deadline
    t.ok(late > -1 && late < LAG, `${late} ms late`)
    t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'expired' })
    t.equal((await stateOf(direct, 'a')).holders[0]?.ends, ends, 'no renewal came through')
    await recover()
  })

  await t.test('a black hole shorter than the lease: renewals are sent again, and it is kept', async (t) => {
    const lock = await one.acquire('b', { ttl: '1500ms' })
    const { ends } = (await stateOf(direct, 'b')).holders[0] ?? { ends: 0 }
    proxy.blackHole(lockConnection)
    // The renewal at 500 ms is lost.
    await until('it was to be renewed', () => lock.rest < 850)
    await recover()
    await until('it would be over', async () => (await serverTime(direct)) > ends + 200)
    lock.assertHeld()
    t.equal(lock.signal.aborted, false)
    t.equal(await other.tryAcquire('b'), null)
    t.equal(await lock.release(), 'released')
  })

  await t.test('Redis counts whole ms, and never fewer than the holder', async (t) => {
    const ttl = 10
    for (let trial = 0; trial < 30; trial++) {
      const lock = await other.acquire('c', { ttl })
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
    const before = seen.length
    const lock = await locks.acquire('a', { ttl: '300ms', maxHold: '900ms' })
    const began = await serverTime(direct)
    await new Promise((resolve) => lock.signal.addEventListener('abort', resolve))
    t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'max hold' })
    const next = await other.acquire('a', { wait: '10s' })
    const { fence } = await stateOf(direct, 'a')
    t.ok(fence / 1000 - began < 1000, `free after ${fence / 1000 - began} ms`)
    await next.release()
    const renewals = seen
      .slice(before)
      .filter(({ by, words }) => by !== 'lua' && words.some((word) => word.startsWith('renew ')))
    t.ok(renewals.length >= 6 && renewals.length <= 10, `${renewals.length} renewals`)
  })

  await t.test('shorter than the lease, it is the lease', async (t) => {
    const lock = await locks.acquire('b', { ttl: '30s', maxHold: '200ms' })
    const next = await other.acquire('b', { wait: '10s' })
    t.equal(lock.held, false)
    t.ok(other.stats().longestWaitMs < 5000)
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
