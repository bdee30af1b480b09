import { randomUUID } from 'node:crypto'
import { until } from '@lockstep/testing'
import type { Test } from 'tap'
import { type Lock, type Locks, LockTimeoutError } from '../../src/index.ts'
import { queueContract } from './queue-contract.ts'

/** What the contract is held against: the locks of two processes, and what they have beside the common ground. */
export interface Subject {
  readonly one: Locks<Lock>
  readonly other: Locks<Lock>
  /** How many stand in the queue of a lock, where there is one: first come, first served, woken by who releases. */
  readonly queueLength?: (resource: string) => Promise<number>
  /** Loses all that Redis knows. */
  readonly flush: () => Promise<unknown>
}

/** What every backend keeps. For a semaphore, with one permit. */
export async function lockContract(t: Test, subject: Subject): Promise<void> {
  const { one, other } = subject
  const name = () => `order:${randomUUID()}`

  await t.test('a lock that Redis has forgotten is lost, and the work is told', async (t) => {
    const resource = name()
    const lock = await one.acquire(resource, { ttl: '3s' })
    const aborted = new Promise((resolve) => lock.signal.addEventListener('abort', resolve))
    await subject.flush()
    await aborted
    t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', resource, reason: 'gone' })
    t.same([lock.held, await lock.release()], [false, 'gone'])
  })

  // What takes its time goes on meanwhile.
  const began = performance.now()
  const renewed = await one.acquire(name(), { ttl: '3s' })
  const endless = await one.acquire(name(), { ttl: '2s', maxHold: '2500ms' })
  const ended = endless.signal

  await t.test('S3 one has it, until it is released by its owner', async (t) => {
    const resource = name()
    const lock = await one.acquire(resource)
    t.match({ ...lock, resource: lock.resource, held: lock.held }, { resource, held: true })
    t.equal(await other.tryAcquire(resource), null)
    t.equal(await one.tryAcquire(resource), null, 'nor does another caller of the same process')
    t.equal(await lock.release(), 'released')
    t.equal(await lock.release(), 'released', 'again: nothing more happens')
    t.same([lock.held, lock.rest], [false, 0])
    t.throws(() => lock.assertHeld(), { code: 'LOCKSTEP_LOCK_NOT_HELD', resource })

    const next = await other.tryAcquire(resource)
    t.equal(next?.held, true)
    await lock.release()
    t.equal(await one.tryAcquire(resource), null, 'a release that comes again takes nothing from the next')
    await next?.release()
  })

  await t.test('other resources are other locks', async (t) => {
    const locks = await Promise.all(Array.from({ length: 100 }, () => one.acquire(name())))
    t.ok(locks.every(({ held }) => held))
    t.same(new Set(await Promise.all(locks.map((lock) => lock.release()))), new Set(['released']))
  })

  await t.test('names may hold anything', async (t) => {
    for (const resource of [' ', 'a b', '{1}', 'ä\n💥', '%s', `x${'y'.repeat(511)}`]) {
      await using lock = await one.acquire(resource)
      t.equal(lock.held, true)
      t.equal(await other.tryAcquire(resource), null)
    }
  })

  await t.test('S3 a wait that ends in vain names the resource, the wait and the holder', async (t) => {
    const resource = name()
    await using _ = await one.acquire(resource, { ttl: '20s' })
    const error = await other.acquire(resource, { wait: '60ms' }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (!(error instanceof LockTimeoutError)) throw error
    t.match(error, { code: 'LOCKSTEP_LOCK_TIMEOUT', resource })
    t.match(error.message, /^Waited \d+ ms in vain for the lock of order:.*'s lease has \d+ ms to run$/)
    t.ok(error.waited >= 60 && error.waited < 5000, `${error.waited}`)
    t.ok(Number(error.holderRest) > 10_000 && Number(error.holderRest) <= 20_000, `${error.holderRest}`)
    await t.rejects(other.acquire(resource, { wait: 0 }), { code: 'LOCKSTEP_LOCK_TIMEOUT' })
  })

  await t.test('who waits has it soon after its release', async (t) => {
    const resource = name()
    const lock = await one.acquire(resource, { ttl: '30s' })
    const waiting = other.acquire(resource, { wait: '20s' })
    await until('it waits', () => other.stats().waiting === 1)
    await lock.release()
    const next = await waiting
    t.equal(next.held, true)
    t.ok(other.stats().longestWaitMs < 20_000)
    await next.release()
  })

  await t.test('a signal ends the wait, with its own reason', async (t) => {
    const resource = name()
    const lock = await one.acquire(resource)
    const aborter = new AbortController()
    const waiting = other.acquire(resource, { signal: aborter.signal, wait: '20s' })
    const behind = other.acquire(resource, { wait: '20s' })
    await until('both wait', () => other.stats().waiting === 2)
    const reason = new Error('the request is gone')
    aborter.abort(reason)
    await t.rejects(waiting, reason)
    await t.rejects(other.acquire(resource, { signal: aborter.signal }), reason)
    await lock.release()
    await (await behind).release()
  })

  await t.test('run gives what the work gives, or throws what it throws, and releases', async (t) => {
    const resource = name()
    t.equal(
      await one.run(resource, {}, async (lock) => {
        t.equal(lock.held, true)
        t.equal(await other.tryAcquire(resource), null)
        return 42
      }),
      42,
    )
    const mistake = new Error('out of stock')
    await t.rejects(
      one.run(resource, {}, () => Promise.reject(mistake)),
      mistake,
    )
    t.equal(await one.run(resource, {}, async (lock) => lock.release()), 'released', 'released early')
    await (await other.tryAcquire(resource))?.release()

    const short = { ttl: '100ms', maxHold: '100ms' } as const
    const ended = (lock: Lock) => until('it is lost', () => !lock.held)
    await t.rejects(one.run(resource, short, ended), { code: 'LOCKSTEP_LOCK_LOST' })
    const failing = one.run(resource, short, async (lock) => {
      await ended(lock)
      throw mistake
    })
    await t.rejects(failing, mistake, "the work's own error comes first")
  })

  await t.test('await using releases', async (t) => {
    const resource = name()
    {
      await using lock = await one.acquire(resource)
      t.equal(lock.held, true)
    }
    const lock = await other.tryAcquire(resource)
    t.equal(lock?.held, true)
    await lock?.release()
  })

  await t.test('many callers in both processes: each has its turn, never two at once', async (t) => {
    const resource = name()
    let inside = 0
    let turns = 0
    const work = async () => {
      inside++
      t.equal(inside, 1)
      turns++
      await new Promise((resolve) => setImmediate(resolve))
      inside--
    }
    const callers = [one, other].flatMap((locks) =>
      Array.from({ length: 10 }, () => locks.run(resource, { wait: '30s' }, work)),
    )
    await Promise.all(callers)
    t.equal(turns, 20)
  })

  await t.test('it is not renewed past maxHold', async (t) => {
    await until('its holder is told', () => ended.aborted)
    t.match(ended.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'max hold', resource: endless.resource })
    t.throws(() => endless.assertHeld(), { code: 'LOCKSTEP_LOCK_LOST' })
    await (await other.acquire(endless.resource, { wait: '20s' })).release()
  })

  await t.test('it is renewed for as long as it is held', async (t) => {
    await until('its first lease is long over', async () => {
      t.equal(await other.tryAcquire(renewed.resource), null)
      renewed.assertHeld()
      return performance.now() - began > 4000
    })
    t.equal(await renewed.release(), 'released')
  })

  await t.test('what makes no sense is refused, by name', async (t) => {
    const code = 'LOCKSTEP_LOCK_OPTION'
    await t.rejects(one.acquire(''), { code })
    await t.rejects(one.acquire('x'.repeat(513)), { code })
    await t.rejects(one.acquire('x', { ttl: 5 }), { code, message: /^ttl / })
    await t.rejects(one.acquire('x', { ttl: '2h' }), { code, message: /^ttl / })
    await t.rejects(one.tryAcquire('x', { maxHold: 0 }), { code, message: /^maxHold / })
    await t.rejects(one.acquire('x', { wait: -1 }), { code: 'LOCKSTEP_DURATION_INVALID' })
  })

  await t.test('what was counted', async (t) => {
    const { held, waiting, owed } = one.stats()
    t.same([held, waiting, owed], [0, 0, 0], 'nothing is left over')
    t.ok(one.stats().acquired > 100 && one.stats().lost >= 2 && other.stats().timeouts >= 2)
    t.equal(other.stats().aborted, 1)
    t.ok(one.metrics().every(({ name, labels }) => name.startsWith('lockstep_locks_') && labels['kind']))
  })

  if (subject.queueLength) await queueContract(t, subject, subject.queueLength)
}

/** The last of all: both are closed. */
export async function closeContract(t: Test, { one, other }: Subject): Promise<void> {
  const resource = `order:${randomUUID()}`
  const lock = await one.acquire(resource)
  const behind = one.acquire(resource, { wait: '20s' })
  const waiting = other.acquire(resource, { wait: '20s' })
  await until('both wait', () => one.stats().waiting + other.stats().waiting === 2)
  const refused = t.rejects(behind, { code: 'LOCKSTEP_LOCKS_CLOSED' })
  await one.close()
  await refused
  t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'closed' })
  await t.rejects(one.acquire(resource), { code: 'LOCKSTEP_LOCKS_CLOSED' })
  await t.rejects(one.tryAcquire(resource), { code: 'LOCKSTEP_LOCKS_CLOSED' })
  await (await waiting).release()
  await other.close()
}
