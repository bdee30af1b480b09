import { getEventListeners } from 'node:events'
import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { keyOf, locksOver, queueLength, say, stateOf } from './rig.ts'

const ttl = '60s'
const wait = '30s'

const strays: unknown[] = []
process.on('unhandledRejection', (reason) => strays.push(reason))
process.on('warning', (warning) => strays.push(warning))

await test('S3 many at once', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))
  const [one, other] = [locksOver(t, link), locksOver(t, link)]
  await (await one.acquire('connected')).release()

  await t.test('more than one call takes, in one turn: each gets its own answer', async (t) => {
    const same = await Promise.all(Array.from({ length: 100 }, () => one.tryAcquire('a')))
    const had = same.filter((lock) => lock !== null)
    t.equal(had.length, 1)
    const names = Array.from({ length: 100 }, (_, i) => `a${i}`)
    const locks = await Promise.all(names.map((name) => one.acquire(name)))
    t.same(
      locks.map(({ resource }) => resource),
      names,
    )
    for (const [i, lock] of locks.entries()) t.equal((await stateOf(link, `a${i}`)).fence, lock.fence)
    await Promise.all([...locks, ...had].map((lock) => lock.release()))
  })

  await t.test('a thousand wait behind one: no warning, and nothing is left of them', async (t) => {
    const lock = await other.acquire('b', { ttl })
    const aborter = new AbortController()
    const { signal } = aborter
    const waiting = Array.from({ length: 1000 }, () =>
      one.acquire('b', { wait, signal }).then(
        () => 'had',
        (reason: unknown) => reason,
      ),
    )
    await until('they wait', () => one.stats().waiting === 1000)
    await until('one of them stands for the process', async () => (await queueLength(link, 'b')) === 1)
    aborter.abort('enough')
    t.same(new Set(await Promise.all(waiting)), new Set(['enough']))
    t.same(getEventListeners(signal, 'abort'), [])
    await until('the place is given up', async () => (await queueLength(link, 'b')) === 0)
    await lock.release()
    t.match(one.stats(), { waiting: 0, held: 0, owed: 0 })
  })

  await t.test('a queue of dead processes is passed at once', async (t) => {
    const dead = Array.from({ length: 2000 }, (_, i) => `dead:${i}`)
    const lock = await other.acquire('c', { ttl })
    const waiting = one.acquire('c', { wait })
    await until('it stands in the queue', async () => (await queueLength(link, 'c')) === 1)
    await say(link, 'lpush', keyOf('queue', 'c'), ...dead)
    const began = performance.now()
    await lock.release()
    await (await waiting).release()
    t.ok(performance.now() - began < 10_000, 'and not one with each ask of who waits')
    t.equal(await queueLength(link, 'c'), 0)
  })
})

await test('S3 what Redis has is strange, or full', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port))
  const locks = locksOver(t, link)
  await (await locks.acquire('connected')).release()

  await t.test('memory is full: locks are taken and given back all the same', async (t) => {
    await say(link, 'config', 'set', 'maxmemory-policy', 'noeviction')
    const before = await locks.acquire('a', { ttl })
    await say(link, 'config', 'set', 'maxmemory', 1)
    await t.rejects(say(link, 'set', 'x', 'y'), /OOM/)
    const behind = locks.acquire('a', { ttl, wait })
    await until('it stands in the queue', async () => (await queueLength(link, 'a')) === 1)
    t.equal(await before.release(), 'released')
    t.equal(await (await behind).release(), 'released')
    await say(link, 'config', 'set', 'maxmemory', 0)
  })

  await t.test(
    'its queue is no queue: a coded error for who would wait, and the holder is not hurt',
    async (t) => {
      const lock = await locks.acquire('b', { ttl })
      await say(link, 'set', keyOf('queue', 'b'), 'hello')
      const code = 'LOCKSTEP_LOCK_REPLY'
      await t.rejects(locks.acquire('b', { wait }), { code, message: /WRONGTYPE/ })
      t.equal(lock.held, true)
      t.equal(await lock.release(), 'released')
      await (await locks.acquire('b', { wait })).release()
    },
  )
})

await test('no promise was left alone, and nobody was warned', async (t) => {
  await new Promise((resolve) => setImmediate(resolve))
  t.same(strays, [])
})
