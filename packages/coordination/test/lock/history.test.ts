import { type FaultProxy, faultProxy, testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { fallingFences, holdsIn, mostAtOnce, overtakings } from './history-check.ts'
import type { HistoryLine, HistoryPlan } from './history-plan.ts'
import { openLink, urlOf } from './links.ts'
import { monitor, type Printing, say, startWorker } from './rig.ts'

const SEED = 42
/** The `code` of what AbortSignal.timeout aborts with is a number. */
const ABORTED = '23'
const LOCKS = ['lock:a', 'lock:b']
const SEMAPHORES = ['semaphore:a']
const PERMITS = 3
/** The process that is stopped: it holds longer than the others, so that it is stopped while it holds. */
const STOPPED = 0

const linesOf = (workers: readonly Printing[]): HistoryLine[] =>
  workers.flatMap(({ lines }) => lines.map((line): HistoryLine => JSON.parse(line)))
const grantsOf = (worker: Printing) => worker.lines.filter((line) => line.includes('"granted"')).length
/** Whether what it has said last is that it holds something with a fence. */
function holdsLock(worker: Printing): boolean {
  const last: HistoryLine = JSON.parse(worker.lines.at(-1) ?? '{}')
  if (last.kind === 'failed') return false
  const { id } = last
  const grants = worker.lines.filter((line) => line.includes('"granted"') && line.includes(`"${id}"`))
  return grants
    .map((line): HistoryLine => JSON.parse(line))
    .some((line) => line.kind === 'granted' && line.fence > 0)
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

await test('S3 a long history in trouble: never two at once', async (t) => {
  const { port } = await testRedis(t)
  const direct = await openLink(t, urlOf(port), 'direct')
  const workers: Printing[] = []
  const proxies: FaultProxy[] = []
  const start = (number: number) => {
    const proxy = proxies[number]
    if (!proxy) throw new Error(`no proxy ${number}`)
    const plan: HistoryPlan = {
      port: proxy.port,
      clock: port,
      seed: SEED + workers.length,
      callers: 4,
      locks: LOCKS,
      semaphores: SEMAPHORES,
      permits: PERMITS,
      ttl: 300,
      holds: number === STOPPED ? 60 : 4,
      patient: false,
    }
    const worker = startWorker(t, './history-worker.ts', plan)
    workers.push(worker)
    return worker
  }
  for (let number = 0; number < 4; number++) {
    const proxy = await faultProxy(port)
    proxies.push(proxy)
    t.teardown(() => proxy.close())
    start(number)
  }
  await until('all have begun', () => workers.every((worker) => grantsOf(worker) > 0), 60_000)

  // The trouble: one process is stopped past its leases, one is killed and replaced, connections are lost and go dark.
  const [stopped, killed] = workers
  if (!stopped || !killed) throw new Error('no workers')
  for (let round = 0; round < 3; round++) {
    await until('it holds a lock', () => holdsLock(stopped), 60_000)
    process.kill(stopped.pid, 'SIGSTOP')
    proxies[2]?.reset()
    await pause(400)
    process.kill(stopped.pid, 'SIGCONT')
    if (round === 1) {
      await killed.kill()
      start(1)
    }
    proxies[3]?.blackHole()
    await say(direct, 'client', 'kill', 'type', 'pubsub')
    await pause(250)
    proxies[3]?.heal()
    proxies[3]?.reset()
    proxies[2]?.delay({ toClient: 60, toServer: 30 })
    await pause(200)
    proxies[2]?.heal()
    await pause(500)
  }
  const before = workers.map(grantsOf)
  await until(
    'the processes that live go on',
    () => workers.every((worker, i) => worker === killed || grantsOf(worker) > (before[i] ?? 0)),
    60_000,
  )
  const grantsFor = (resource: string) =>
    workers.flatMap(({ lines }) =>
      lines.filter((line) => line.includes('"granted"') && line.includes(resource)),
    )
  await until(
    'all was taken often',
    () => [...LOCKS, ...SEMAPHORES].every((resource) => grantsFor(resource).length > 10),
    60_000,
  )
  for (const worker of workers) await worker.kill()

  const lines = linesOf(workers)
  const holds = holdsIn(lines)
  for (const resource of LOCKS) {
    const those = holds.filter((hold) => hold.resource === resource)
    t.ok(those.length > 10, `${resource} was granted ${those.length} times`)
    t.equal(mostAtOnce(those), 1, `${resource} was held by one at a time`)
    t.equal(fallingFences(those), 0)
    t.equal(new Set(those.map(({ fence }) => fence)).size, those.length)
  }
  for (const resource of SEMAPHORES) {
    const those = holds.filter((hold) => hold.resource === resource)
    t.ok(those.length > 10, `${resource} was granted ${those.length} times`)
    const most = mostAtOnce(those)
    t.ok(most > 1 && most <= PERMITS, `${resource} was held by ${most} at once`)
  }
  const codes = new Set(lines.flatMap((line) => (line.kind === 'failed' ? [line.code] : [])))
  const known = new Set(['LOCKSTEP_LOCK_TIMEOUT', 'LOCKSTEP_LOCK_UNAVAILABLE', ABORTED])
  t.same(
    [...codes].filter((code) => !known.has(code)),
    [],
    'no other errors',
  )
})

await test('S3 first come, first served, as Redis carried it out', async (t) => {
  const { port } = await testRedis(t)
  const direct = await openLink(t, urlOf(port), 'direct')
  const plan = {
    port,
    clock: port,
    callers: 2,
    locks: ['lock:a'],
    semaphores: [],
    permits: 1,
    ttl: 5000,
    holds: 4,
    patient: true,
  }
  const seen = await monitor(t, port)
  const workers = [1, 2, 3, 4].map((seed) => startWorker(t, './history-worker.ts', { ...plan, seed }))
  await until('it was taken often', () => workers.every((worker) => grantsOf(worker) > 30), 60_000)
  await say(direct, 'client', 'kill', 'type', 'pubsub')
  await until('and again', () => workers.every((worker) => grantsOf(worker) > 50), 60_000)
  for (const worker of workers) await worker.kill()

  const { overtaken, queued } = overtakings(seen, 'lock:a')
  t.ok(queued > 100, `${queued} were granted from the queue`)
  t.equal(overtaken, 0)
  t.equal(mostAtOnce(holdsIn(linesOf(workers))), 1)
})
