import { getEventListeners } from 'node:events'
import { faultProxy, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { keyOf, lockConnection, locksOver, queueLength, say, stateOf } from './rig.ts'

const ttl = '60s'
const wait = '30s'

const strays: unknown[] = []
process.on('unhandledRejection', (reason) => strays.push(reason))
process.on('warning', (warning) => strays.push(warning))

await test('S3 a caller that goes away while Redis answers', async (t) => {
  const { port } = await testRedis(t)
  const proxy = await faultProxy(port)
  t.teardown(() => proxy.close())
  const direct = await openLink(t, urlOf(port), 'direct')
  const link = await openLink(t, urlOf(proxy.port), 'behind')
  const other = locksOver(t, direct)
  /** Locks whose answers come a little late. */
  const slow = async () => {
    const locks = locksOver(t, link)
    await (await locks.acquire('connected')).release()
    proxy.delay({ toClient: 1500 }, lockConnection)
    t.teardown(() => proxy.heal())
    return locks
  }
  const granted = (resource: string) =>
    until('Redis has granted it', async () => (await stateOf(direct, resource)).holders.length === 1)
  const free = async (resource: string) => (await stateOf(direct, resource)).holders.length === 0

  await t.test('its signal aborts: it gets the reason, and the lock is given back', async (t) => {
    const locks = await slow()
    const aborter = new AbortController()
    const waiting = locks.acquire('a', { ttl, wait, signal: aborter.signal })
    await granted('a')
    const reason = new Error('the request is gone')
    aborter.abort(reason)
    await t.rejects(waiting, reason)
    await until('it is free', () => free('a'))
    t.same(getEventListeners(aborter.signal, 'abort'), [])
    t.equal(locks.stats().aborted, 1)
    t.equal(locks.stats().held, 0)
    proxy.heal()
  })

  await t.test('the locks are closed: it is refused, and nothing is left in Redis', async (t) => {
    const locks = await slow()
    const refused = { code: 'LOCKSTEP_LOCKS_CLOSED' }
    const asked = [
      t.rejects(locks.acquire('b', { ttl, wait }), refused),
      t.rejects(locks.acquire('b', { ttl, wait }), refused),
      t.rejects(locks.tryAcquire('c', { ttl }), refused),
    ]
    await granted('b')
    await granted('c')
    await locks.close()
    await Promise.all(asked)
    t.ok(await free('b'))
    t.ok(await free('c'))
    proxy.heal()
  })

  await t.test('closed while it stands in the queue, or gives back', async (t) => {
    const locks = locksOver(t, direct)
    const held = await locks.acquire('d', { ttl })
    const lock = await other.acquire('e', { ttl })
    const waiting = t.rejects(locks.acquire('e', { ttl, wait }), { code: 'LOCKSTEP_LOCKS_CLOSED' })
    await until('it stands in the queue', async () => (await queueLength(direct, 'e')) === 1)
    const releasing = held.release()
    await Promise.all([locks.close(), locks.close()])
    await waiting
    t.equal(await releasing, 'released')
    t.ok(await free('d'))
    t.equal(await queueLength(direct, 'e'), 0)
    await lock.release()
    t.equal(await locks.close(), undefined)
  })

  await t.test('closed while Redis is away: it has its end', async (t) => {
    const place = { ...urlOf(proxy.port), REDIS_HEARTBEAT: '500ms', REDIS_COMMAND_TIMEOUT: '1s' }
    const locks = locksOver(t, await openLink(t, place, 'hasty'))
    const lock = await locks.acquire('f', { ttl, wait })
    proxy.blackHole()
    const began = performance.now()
    await locks.close()
    t.ok(performance.now() - began < 20_000)
    t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'closed' })
    proxy.heal()
    proxy.reset()
  })

  await t.test('a fault after it stood in the queue: its place is given up', async (t) => {
    const locks = locksOver(t, direct)
    const lock = await other.acquire('g', { ttl })
    const waiting = t.rejects(locks.acquire('g', { ttl, wait }), { code: 'LOCKSTEP_LOCK_REPLY' })
    await until('it stands in the queue', async () => (await queueLength(direct, 'g')) === 1)
    const state = String(await say(direct, 'get', keyOf('state', 'g')))
    await say(direct, 'set', keyOf('state', 'g'), 'hello')
    await waiting
    await say(direct, 'set', keyOf('state', 'g'), state)
    // Sooner than a queue ends by itself.
    await until('it is given up', async () => (await queueLength(direct, 'g')) === 0, 4000)
    await lock.release()
    t.equal(locks.stats().failed, 1)
  })
})

await test('S3 run, when Redis goes away meanwhile', async (t) => {
  const redis = await testRedis(t)
  const link = await openLink(t, { ...urlOf(redis.port), REDIS_COMMAND_TIMEOUT: '1s' })
  const locks = locksOver(t, link)
  const mistake = new Error('out of stock')
  await t.rejects(
    locks.run('a', { ttl }, async () => {
      process.kill(redis.pid, 'SIGSTOP')
      throw mistake
    }),
    mistake,
  )
  t.equal(locks.stats().owed, 1)
  process.kill(redis.pid, 'SIGCONT')
  const done = await locks.run('a', { ttl, wait }, async () => {
    await redis.kill()
    return 'done'
  })
  t.equal(done, 'done', 'work that ended well under a lock that was held has ended well')
})

await test('no promise was left alone, and nobody was warned', async (t) => {
  await new Promise((resolve) => setImmediate(resolve))
  t.same(strays, [])
})
