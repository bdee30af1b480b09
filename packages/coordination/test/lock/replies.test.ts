import { faultProxy, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { lockConnection, locksOver, monitor, say, stateOf } from './rig.ts'

/** Longer than anything here waits: a lock that is free before was given back, and did not run out. */
const ttl = '60s'
const wait = '20s'
const never = 3_600_000

await test('S3 the answer of Redis is lost', async (t) => {
  const { port } = await testRedis(t)
  const proxy = await faultProxy(port)
  t.teardown(() => proxy.close())
  const direct = await openLink(t, urlOf(port), 'direct')
  const link = await openLink(t, { ...urlOf(proxy.port), REDIS_COMMAND_TIMEOUT: '100ms' }, 'behind')
  const one = locksOver(t, link, { ttl })
  const other = locksOver(t, direct, { ttl })
  const seen = await monitor(t, port)

  /** Commands arrive, answers do not. */
  const loseAnswers = () => proxy.delay({ toClient: never }, lockConnection)
  const recover = () => {
    proxy.heal()
    proxy.reset(lockConnection)
  }
  const ready = () =>
    until('it answers', async () => {
      const lock = await one.tryAcquire('probe')
      await lock?.release()
      return one.stats().owed === 0
    })
  /** The asks for a resource, as they came: one that is under way may come once more. */
  const asksFor = (resource: string) =>
    seen.filter(({ by, words }) => by !== 'lua' && words.some((word) => word.endsWith(`:state:${resource}`)))
  const comeLate = async (resource: string) => {
    const ask = asksFor(resource).find(({ words }) => /^(acquire|try)$/.test(words.at(-4) ?? ''))
    return say(direct, ...(ask?.words ?? []))
  }
  const granted = async (resource: string) => (await stateOf(direct, resource)).holders.length === 1
  await ready()

  await t.test('given up: it is free as soon as Redis answers, and a late ask finds it void', async (t) => {
    loseAnswers()
    await t.rejects(one.acquire('a', { wait: '250ms' }), {
      code: 'LOCKSTEP_LOCK_TIMEOUT',
      cause: { code: 'LOCKSTEP_REDIS_UNAVAILABLE' },
    })
    await until('a ghost has it, as long as Redis does not answer', () => granted('a'))
    t.equal(one.stats().owed, 1)
    recover()
    await (await other.acquire('a', { wait })).release()
    await until('nothing is owed', () => one.stats().owed === 0)

    t.same(await comeLate('a'), [-1])
    const next = await other.tryAcquire('a')
    t.ok(next, 'the ask that came late has taken nothing')
    await next?.release()
  })

  await t.test('so it is when it was only tried', async (t) => {
    loseAnswers()
    await t.rejects(one.tryAcquire('b'), { code: 'LOCKSTEP_LOCK_UNAVAILABLE' })
    await until('Redis has granted it', () => granted('b'))
    recover()
    await (await other.acquire('b', { wait })).release()
    t.same(await comeLate('b'), [-1])
  })

  await t.test('so it is when the caller ends the wait', async (t) => {
    loseAnswers()
    const aborter = new AbortController()
    const waiting = one.acquire('c', { wait, signal: aborter.signal })
    await until('Redis has granted it', () => granted('c'))
    aborter.abort(new Error('the request is gone'))
    await t.rejects(waiting, { message: 'the request is gone' })
    recover()
    await (await other.acquire('c', { wait })).release()
    t.same(await comeLate('c'), [-1])
  })

  await t.test('asked again with the same token, it is told that it was granted', async (t) => {
    await ready()
    loseAnswers()
    const waiting = one.acquire('d', { wait })
    const granted = await until('Redis has granted it', async () => {
      const state = await stateOf(direct, 'd')
      return state.holders.length === 1 && state
    })
    recover()
    const lock = await waiting
    t.equal(lock.fence, granted.fence, 'it is the same grant')
    t.same(
      (await stateOf(direct, 'd')).holders.map(({ token }) => token),
      granted.holders.map(({ token }) => token),
    )
    t.equal(await lock.release(), 'released')
    t.same(await comeLate('d'), [-1], 'its first ask may be under way yet')
    t.ok(await other.tryAcquire('d'))
  })

  await t.test('of a release: it is asked for again, and the lock is not lost to others', async (t) => {
    await ready()
    const lock = await one.acquire('e')
    proxy.blackHole(lockConnection)
    t.equal(await lock.release(), 'unknown')
    t.throws(() => lock.assertHeld(), { code: 'LOCKSTEP_LOCK_NOT_HELD' })
    t.equal((await stateOf(direct, 'e')).holders.length, 1)
    recover()
    t.ok(await other.acquire('e', { wait }))
  })

  await t.test('an ask that was never sent owes nothing', async (t) => {
    await ready()
    proxy.blackHole()
    await t.rejects(one.tryAcquire('f'), { code: 'LOCKSTEP_LOCK_UNAVAILABLE' })
    await until('the breaker is open', () =>
      one.tryAcquire('f').then(
        () => false,
        () => true,
      ),
    )
    const { owed } = one.stats()
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        t.rejects(one.acquire(`f${i}`, { wait: '20ms' }), { code: 'LOCKSTEP_LOCK_TIMEOUT' }),
      ),
    )
    t.equal(one.stats().owed, owed)
    recover()
    proxy.reset()
    await ready()
    t.equal(asksFor('f0').length, 0)
  })
})
