import type { RunningServer } from '@lockstep/servers'
import { faultProxy, recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { createQuorumLocks, LockTimeoutError } from '../../src/index.ts'
import { holdsIn, mostAtOnce } from './history-check.ts'
import type { HistoryLine, HistoryPlan } from './history-plan.ts'
import { openLink, urlOf } from './links.ts'
import { keyOf, lockConnection, monitor, say, startWorker, stateOf } from './rig.ts'

/** For servers that hang; no longer than others may be held up by a busy machine. */
const quick = { REDIS_COMMAND_TIMEOUT: '1s' }
/** Longer than anything here waits: what is free before was given back. */
const ttl = '60s'

async function quorumOver(t: Teardown, ports: readonly number[], patience: Record<string, string> = quick) {
  const servers = await Promise.all(ports.map((port) => openLink(t, { ...urlOf(port), ...patience })))
  const locks = createQuorumLocks({ servers, prefix: 'shop', logger: recordingLogger() })
  t.teardown(() => locks.close())
  await (await locks.acquire('connected')).release()
  return { locks, servers }
}

/** Servers that hang until the returned function is called. */
function hang(servers: readonly RunningServer[]): () => void {
  for (const { pid } of servers) process.kill(pid, 'SIGSTOP')
  return () => {
    for (const { pid } of servers) process.kill(pid, 'SIGCONT')
  }
}

await test('S3 a quorum of three servers', async (t) => {
  const all = [await testRedis(t), await testRedis(t), await testRedis(t)]
  const ports = all.map(({ port }) => port)
  const { locks: one, servers } = await quorumOver(t, ports)
  const { locks: other } = await quorumOver(t, ports)

  await t.test('one hangs: it is had, and given back', async (t) => {
    const goOn = hang(all.slice(0, 1))
    try {
      const lock = await one.acquire('a', { ttl, wait: '20s' })
      await until('others are told', async () => (await other.tryAcquire('a')) === null)
      t.not(await lock.release(), 'gone')
      const next = await other.acquire('a', { ttl, wait: '20s' })
      t.not(await next.release(), 'gone')
    } finally {
      goOn()
    }
  })

  await t.test('two hang: the wait has its end; nothing is left when they go on', async (t) => {
    const goOn = hang(all.slice(1))
    try {
      const error = await one.acquire('b', { ttl, wait: '400ms' }).catch((reason: unknown) => reason)
      if (!(error instanceof LockTimeoutError)) throw error
      t.match(error.message, /Redis does not answer$/)
      t.ok(error.waited >= 400 && error.waited < 10_000, `${error.waited} ms`)
      await t.rejects(one.tryAcquire('b'), { code: 'LOCKSTEP_LOCK_UNAVAILABLE' })
    } finally {
      goOn()
    }
    const lock = await other.acquire('b', { ttl, wait: '20s' })
    await until('nothing is owed', () => one.stats().owed === 0)
    t.equal(lock.held, true)
    await lock.release()
  })

  await t.test('a majority hangs while it is held: it is lost in time', async (t) => {
    const lock = await one.acquire('c', { ttl: '500ms' })
    const goOn = hang(all.slice(1))
    try {
      await until('its holder is told', () => lock.signal.aborted)
      t.match(lock.signal.reason, { code: 'LOCKSTEP_LOCK_LOST', reason: 'expired' })
    } finally {
      goOn()
    }
    await until('they answer', async () => (await (await one.acquire('c')).release()) === 'released')
  })

  await t.test('one has a fault: the others are enough; two have: it is told', async (t) => {
    const spoil = (server = servers[0]) =>
      server && say(server, 'set', keyOf('state', 'f', 'quorum'), 'hello')
    await spoil()
    const lock = await one.acquire('f', { ttl: '3s' })
    await until('others are told', async () => (await other.tryAcquire('f')) === null)
    const later = performance.now() + 3500
    await until('it would be over', () => performance.now() > later)
    lock.assertHeld()
    t.not(await lock.release(), 'gone')
    await spoil(servers[1])
    await t.rejects(one.acquire('f', { wait: '5s' }), { code: 'LOCKSTEP_LOCK_REPLY' })
    await t.rejects(one.tryAcquire('f'), { code: 'LOCKSTEP_LOCK_REPLY' })
    await until('nothing is left on the third', async () => {
      const [, , third] = servers
      return third && (await stateOf(third, 'f', 'quorum')).holders.length === 0
    })
  })

  await t.test('where it was heard, no token is kept: a busy lock does not grow', async (t) => {
    const { locks: patient } = await quorumOver(t, ports, { REDIS_COMMAND_TIMEOUT: '10s' })
    for (let round = 0; round < 50; round++) await (await patient.acquire('d')).release()
    for (const server of servers) t.same((await stateOf(server, 'd', 'quorum')).voids, [])
  })

  await t.test('where it was not heard, an ask that comes late finds its token void', async (t) => {
    const [first] = all
    if (!first) throw new Error('no server')
    const proxy = await faultProxy(first.port)
    t.teardown(() => proxy.close())
    const { locks, servers } = await quorumOver(t, [proxy.port, ...ports.slice(1)])
    const [direct] = servers
    if (!direct) throw new Error('no server')
    const seen = await monitor(t, first.port)
    // It carries out what it is asked, and its answers are lost; the others make the majority.
    proxy.delay({ toClient: 3_600_000 }, lockConnection)
    const lock = await locks.acquire('e', { ttl })
    await until('it has carried it out', async () => (await stateOf(direct, 'e', 'quorum')).fence > 0)
    proxy.heal()
    proxy.reset(lockConnection)
    await until('it answers', async () => {
      const probe = await locks.acquire('probe')
      await probe.release()
      return (await stateOf(direct, 'probe', 'quorum')).fence > 0
    })
    t.equal(await lock.release(), 'released')
    const ask = seen.find(({ words }) => words.at(-4) === 'try' && words[3]?.endsWith(':e'))
    t.same(await say(direct, ...(ask?.words ?? [])), [-1])
  })
})

await test('S3 five servers, three processes: never two at once', async (t) => {
  const all = await Promise.all([1, 2, 3, 4, 5].map(() => testRedis(t)))
  const clock = await testRedis(t)
  const quorum = { ports: all.map(({ port }) => port), resources: ['quorum:a'] }
  const plan: Omit<HistoryPlan, 'seed'> = {
    port: clock.port,
    clock: clock.port,
    callers: 3,
    locks: [],
    semaphores: [],
    permits: 1,
    quorum,
    ttl: 400,
    holds: 4,
    patient: false,
  }
  const workers = [1, 2, 3].map((seed) => startWorker(t, './history-worker.ts', { ...plan, seed }))
  const grants = () => workers.map(({ lines }) => lines.filter((line) => line.includes('"granted"')).length)
  const goesOn = async () => {
    const before = grants()
    await until('all go on', () => grants().every((count, i) => count > (before[i] ?? 0)), 60_000)
  }
  await goesOn()
  for (const hanging of [all.slice(0, 2), all.slice(0, 3), all.slice(2)]) {
    const goOn = hang(hanging)
    try {
      if (hanging.length <= 2) await goesOn()
      else await new Promise((resolve) => setTimeout(resolve, 500))
    } finally {
      goOn()
    }
    await goesOn()
  }
  await all[0]?.kill()
  await goesOn()
  for (const worker of workers) await worker.kill()

  const lines = workers.flatMap((worker) => worker.lines.map((line): HistoryLine => JSON.parse(line)))
  const holds = holdsIn(lines)
  t.ok(holds.length > 15, `it was granted ${holds.length} times`)
  t.equal(mostAtOnce(holds), 1)
})
