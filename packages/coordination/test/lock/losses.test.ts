import { freePort, snapshotOf, startRedisServer } from '@lockstep/servers'
import { testRedis, until } from '@lockstep/testing'
import { type Test, test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { locksOver, queueLength, say, stateOf } from './rig.ts'

const wait = '30s'

await test('S3 Redis forgets: fences rise, and those who wait get their turn', async (t) => {
  const first = await testRedis(t)
  const { port } = first
  const all = [first]
  t.teardown(() => Promise.all(all.map((server) => server.kill())))
  const [a, b] = [await openLink(t, urlOf(port), 'a'), await openLink(t, urlOf(port), 'b')]
  const [one, other] = [locksOver(t, a), locksOver(t, b)]

  /** Somebody holds it and somebody waits; what happens then ends the one's lease, and gives it to the other. */
  async function through(t: Test, resource: string, happen: () => Promise<unknown>) {
    const lock = await one.acquire(resource, { ttl: '6s' })
    const waiting = other.acquire(resource, { wait })
    await until('it stands in the queue', async () => (await queueLength(b, resource)) === 1)
    await happen()
    const next = await waiting
    t.ok(next.fence > lock.fence, `${next.fence} after ${lock.fence}`)
    t.ok(lock.rest > 0 || lock.signal.reason.reason === 'gone', 'and not by the end of its lease')
    await until('the first has lost it', () => lock.signal.aborted)
    t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST' })
    t.equal(await lock.release(), 'gone')
    t.equal(next.held, true)
    await next.release()
  }

  await t.test('FLUSHALL', (t) => through(t, 'a', () => say(a, 'flushall')))

  await t.test('SCRIPT FLUSH', async (t) => {
    const lock = await one.acquire('b', { ttl: '60s' })
    const waiting = other.acquire('b', { wait })
    await until('it stands in the queue', async () => (await queueLength(b, 'b')) === 1)
    await say(a, 'script', 'flush')
    // What was asked in one turn comes in its order, though the script is not known.
    const more = Promise.all(Array.from({ length: 40 }, (_, i) => one.acquire(`b${i}`)))
    t.equal(await lock.release(), 'released')
    await (await waiting).release()
    t.same(new Set((await more).map(({ held }) => held)), new Set([true]))
    await Promise.all((await more).map((lock) => lock.release()))
  })

  let redis = first
  await t.test('kill -9, and it comes back empty', (t) =>
    through(t, 'c', async () => {
      await redis.kill()
      redis = await startRedisServer({ port })
      all.push(redis)
    }),
  )

  await t.test('kill -9, and it comes back as it was before: a replica that lagged', async (t) => {
    await one.run('d', {}, () => {})
    await say(b, 'set', 'when', 'before')
    const rdb = await snapshotOf(redis)
    await say(b, 'set', 'when', 'after')
    await through(t, 'd', async () => {
      await redis.kill()
      redis = await startRedisServer({ port, rdb })
      all.push(redis)
    })
    t.equal(await say(b, 'get', 'when'), 'before')
  })

  await t.test('a replica that lagged is promoted', async (t) => {
    await say(a, 'config', 'set', 'repl-diskless-sync-delay', 0)
    const replica = await startRedisServer({ args: ['--replicaof', '127.0.0.1', String(port)] })
    t.teardown(() => replica.kill())
    const link = await openLink(t, urlOf(replica.port), 'replica')
    const there = locksOver(t, link)
    await one.run('e', {}, () => {})
    await until('it follows', async () => (await stateOf(link, 'e')).fence > 0)
    await say(link, 'replicaof', '127.0.0.1', await freePort())
    const lock = await one.acquire('e')
    await redis.kill()
    t.ok((await stateOf(link, 'e')).fence < lock.fence, 'it has not heard of the last')
    await t.rejects(there.tryAcquire('e'), { code: 'LOCKSTEP_LOCK_UNAVAILABLE' }, 'it is read-only')
    const waiting = there.acquire('e', { wait })
    await say(link, 'replicaof', 'no', 'one')
    const next = await waiting
    t.ok(next.fence > lock.fence)
    await next.release()
    await until('nothing is owed', () => there.stats().owed === 0)
  })
})
