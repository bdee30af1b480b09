import { createLocks } from '@lockstep/coordination'
import { openRedis } from '@lockstep/redis'
import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { CALLERS, concurrently, settingsFor, silent } from './books.ts'
import { compare } from './compare.ts'
import { stale } from './locks-stale.ts'
import { type Row, rateOf, ratioOf } from './table.ts'
import { numberIn, startWorker } from './worker.ts'

const PROCESSES = 8
const RUN_MS = 4000
const COMPARE_AND_DELETE =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

/** Locks: their price when nobody else wants them, their fairness when all do, and what a pause of the holder does. */
export async function locks(): Promise<Row[]> {
  const server = await startRedisServer()
  const rows = [...(await speed(server.url)), ...(await contended(server.url))]
  await server.stop()
  return [...rows, await stale()]
}

/** One after the other. */
const alone = (once: (n: number) => Promise<unknown>) => async (times: number) => {
  for (let n = 0; n < times; n++) await once(n)
}

async function speed(url: string): Promise<Row[]> {
  const link = openRedis(settingsFor(url), 'bench', silent)
  const ours = createLocks({ redis: link, prefix: 'bench', logger: silent })
  await ours.whenAvailable(5000)
  const raw = new Redis(url)
  const sha1 = String(await raw.script('LOAD', COMPARE_AND_DELETE))
  const floorOnce = async (n: number) => {
    const key = `raw:${n % CALLERS}`
    await raw.set(key, `token:${n}`, 'PX', 10_000, 'NX')
    await raw.evalsha(sha1, 1, key, `token:${n}`)
  }
  const oursOnce = async (n: number) => {
    const lock = await ours.acquire(`order:${n % CALLERS}`)
    await lock.release()
  }
  const rows: Row[] = []
  for (const [callers, times, run, target] of [
    [1, 1000, alone, '≥ 1.0'],
    [CALLERS, 4000, concurrently, '≥ 0.9'],
  ] as const) {
    const [floor, measured] = await compare(
      times,
      { name: 'SET NX PX and compare-and-delete', run: run(floorOnce) },
      { name: 'acquire and release', run: run(oursOnce) },
    )
    if (!floor || !measured) continue
    const what = `acquire and release, ${callers === 1 ? '1 caller' : `${callers} callers`}`
    rows.push({ what, floor: rateOf(floor), target, ours: ratioOf(measured) })
  }
  raw.disconnect()
  await ours.close()
  await link.close()
  return rows
}

interface Contest {
  readonly handOffsPerSecond: number
  readonly longest: number
  readonly fairness: number
  readonly commands: number
}

async function contended(url: string): Promise<Row[]> {
  const floor = await contest(url, 'floor')
  const ours = await contest(url, 'ours')
  const what = `one lock, ${PROCESSES} processes, 2 ms hold`
  return [
    {
      what: `${what}: hand-offs to another process a second`,
      floor: `BLPOP, ${floor.handOffsPerSecond.toFixed(0)}`,
      target: '≥ 0.85',
      ours: (ours.handOffsPerSecond / floor.handOffsPerSecond).toFixed(2),
    },
    {
      what: '… longest wait',
      floor: `${floor.longest.toFixed(0)} ms`,
      target: '≤ 100 ms',
      ours: `${ours.longest.toFixed(0)} ms`,
    },
    {
      what: '… least over most acquisitions a process',
      floor: floor.fairness.toFixed(2),
      target: '≥ 0.9',
      ours: ours.fairness.toFixed(2),
    },
    {
      what: '… client commands an acquisition',
      floor: floor.commands.toFixed(1),
      target: '≤ 3',
      ours: ours.commands.toFixed(1),
    },
  ]
}

async function contest(url: string, what: 'floor' | 'ours'): Promise<Contest> {
  const raw = new Redis(url)
  await raw.rpush('bench:token', 'token')
  const workers = Array.from({ length: PROCESSES }, (_, n) =>
    startWorker('locks-worker.ts', [url, what, `process-${n}`, `${RUN_MS}`]),
  )
  await Promise.all(workers.map((worker) => worker.next()))
  await raw.config('RESETSTAT')
  await raw.publish('go', '')
  const reports = await Promise.all(workers.map((worker) => worker.next()))
  const stats = await raw.info('commandstats')
  // What a script calls is counted, too, under its own name: only what clients send is added up.
  const calls = (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  const sent = what === 'ours' ? calls('evalsha') + calls('eval') : calls('blpop') + calls('rpush')
  await Promise.all(workers.map((worker) => worker.stop()))
  await raw.del('bench:token')
  raw.disconnect()
  const acquired = reports.map((one) => numberIn(one, 'acquired'))
  const handOffs = reports.reduce<number>((sum, one) => sum + numberIn(one, 'handOffs'), 0)
  return {
    handOffsPerSecond: (handOffs / RUN_MS) * 1000,
    longest: Math.max(...reports.map((one) => numberIn(one, 'longest'))),
    fairness: Math.min(...acquired) / Math.max(...acquired),
    commands: sent / acquired.reduce((sum, n) => sum + n, 0),
  }
}
