import { startRedisServer } from '@lockstep/servers'
import { until } from '@lockstep/testing'
import { test } from 'tap'
import type { AcquireOptions } from '../../src/index.ts'
import { openLink, urlOf } from './links.ts'
import { locksOver, say, stateOf } from './rig.ts'

await test("S3 durability: 'wait'", async (t) => {
  const primary = await startRedisServer({ args: ['--repl-diskless-sync-delay', '0'] })
  t.teardown(() => primary.kill())
  const replica = await startRedisServer({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  t.teardown(() => replica.kill())
  const link = await openLink(t, urlOf(primary.port), 'primary')
  const there = await openLink(t, urlOf(replica.port), 'replica')
  const durable = locksOver(t, link, { durability: { replicas: 1, within: '100ms' } })
  const plain = locksOver(t, link)
  /** On a machine that is busy a replica may be late. */
  const had = (resource: string, options?: AcquireOptions) =>
    until('the replica answers in time', () => durable.acquire(resource, options))
  await (await had('probe')).release()

  await t.test('what is held is known to a replica when it is had', async (t) => {
    for (let round = 0; round < 20; round++) {
      const lock = await had(`a${round}`)
      t.equal((await stateOf(there, `a${round}`)).fence, lock.fence)
      await lock.release()
    }
  })

  await t.test('a replica that hangs: nobody has it, it is free, and renewals go on meanwhile', async (t) => {
    const kept = await had('b', { ttl: '3s' })
    process.kill(replica.pid, 'SIGSTOP')
    try {
      const code = 'LOCKSTEP_LOCK_NOT_DURABLE'
      await t.rejects(durable.acquire('c', { ttl: '60s' }), { code, resource: 'c', message: /0 of 1/ })
      const free = await plain.tryAcquire('c')
      t.ok(free, 'it is free, though its lease was long')
      await free?.release()
      await t.rejects(durable.tryAcquire('c'), { code })
      t.same((await stateOf(link, 'c')).holders, [])

      // Each holds up the connection on which they are asked for, one after the other.
      const began = performance.now()
      while (performance.now() - began < 3500) {
        await Promise.allSettled([1, 2, 3, 4].map((n) => durable.acquire(`c${n}`, { wait: 0 })))
        kept.assertHeld()
      }
      t.equal(kept.signal.aborted, false)
      t.equal(await kept.release(), 'released')
    } finally {
      process.kill(replica.pid, 'SIGCONT')
    }
    // It was silent for so long that the connection to it was made anew.
    await until('it is heard again', () => there.available)
    await (await had('probe')).release()
    for (const n of [1, 2, 3, 4]) t.same((await stateOf(link, `c${n}`)).holders, [], 'and nothing is left')
  })

  await t.test('the primary is lost, the replica promoted: it is still taken', async (t) => {
    const lock = await had('d', { ttl: '60s' })
    await primary.kill()
    await say(there, 'replicaof', 'no', 'one')
    const promoted = locksOver(t, there)
    await (await promoted.acquire('connected', { wait: '10s' })).release()
    t.equal(await promoted.tryAcquire('d'), null)
    t.equal((await stateOf(there, 'd')).fence, lock.fence)
    t.equal(lock.held, true)
  })

  t.throws(() => locksOver(t, link, { durability: { replicas: 0 } }), { code: 'LOCKSTEP_LOCK_OPTION' })
})
