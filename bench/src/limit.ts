import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { CALLERS, concurrently } from './books.ts'
import { compare } from './compare.ts'
import { blocked, rolling } from './limit-fleet.ts'
import { INCREMENT, openLimiter } from './limit-parts.ts'
import { type Row, rateOf, ratioOf } from './table.ts'

const USERS = 1000

/** The limiter: its speed beside the least that Redis could do, its worth over four processes, and without Redis. */
export async function limit(): Promise<Row[]> {
  const server = await startRedisServer()
  const rows = [
    ...(await speed(server.url)),
    await rolling(server.url),
    await bytes(server.url),
    await blocked(server.url),
  ]
  await server.stop()
  return [...rows, await away('refuses'), await away('hangs')]
}

const alone = (once: (n: number) => Promise<unknown>) => async (times: number) => {
  for (let n = 0; n < times; n++) await once(n)
}

async function speed(url: string): Promise<Row[]> {
  const { link, limiter } = await openLimiter(url)
  const policy = limiter.policy({ name: 'speed', limit: 1_000_000_000, window: '1s', storeTimeout: '5s' })
  const raw = new Redis(url)
  const sha1 = String(await raw.script('LOAD', INCREMENT))
  const rows: Row[] = []
  const floorOnce = (n: number) => raw.evalsha(sha1, 1, `raw:user:${n % USERS}`, 1000)
  const oursOnce = (n: number) => policy.consume(`user:${n % USERS}`)
  for (const [callers, times, run, target] of [
    [1, 2000, alone, '≥ 0.95'],
    [CALLERS, 8000, concurrently, '≥ 1.2'],
  ] as const) {
    const name = 'EVALSHA of INCR and PEXPIRE'
    const [floor, ours] = await compare(
      times,
      { name, run: run(floorOnce) },
      { name: 'consume', run: run(oursOnce) },
    )
    if (!floor || !ours) continue
    const what = `consume, ${callers === 1 ? '1 caller' : `${callers} callers`}`
    rows.push({ what, floor: rateOf(floor), target, ours: ratioOf(ours) })
  }
  raw.disconnect()
  await link.close()
  return rows
}

/** Of a key that is used all the time, so that it has as many notes as it ever has. */
async function bytes(url: string): Promise<Row> {
  const { link, limiter } = await openLimiter(url)
  const policy = limiter.policy({ name: 'bytes', limit: 100, window: '200ms', denyCache: false })
  const raw = new Redis(url)
  let most = 0
  for (const end = performance.now() + 500; performance.now() < end; ) {
    await policy.consume('user:7')
    const [key = ''] = await raw.keys('bench:*bytes*')
    most = Math.max(most, Number((await raw.call('MEMORY', 'USAGE', key)) ?? 0))
  }
  await raw.set('raw:user:7', '100', 'PX', 1000)
  const floor = Number(await raw.call('MEMORY', 'USAGE', 'raw:user:7'))
  raw.disconnect()
  await link.close()
  return { what: 'bytes a key', floor: `a counter, ${floor}`, target: '≤ 200', ours: `${most}` }
}

/** What a Redis that is away adds to a request: the longest of many. */
async function away(how: 'refuses' | 'hangs'): Promise<Row> {
  const server = await startRedisServer()
  const { link, limiter } = await openLimiter(server.url)
  const policy = limiter.policy({ name: 'away', limit: 1_000_000, window: '1s', whenAway: 'local' })
  await policy.consume('user:7')
  if (how === 'hangs') process.kill(server.pid, 'SIGSTOP')
  else await server.kill()
  const times: number[] = []
  for (let n = 0; n < 1000; n++) {
    const begun = performance.now()
    await policy.consume(`user:${n}`)
    times.push(performance.now() - begun)
  }
  if (how === 'hangs') process.kill(server.pid, 'SIGCONT')
  await link.close()
  await server.kill()
  const [median = 0] = times.toSorted((a, b) => a - b).slice(times.length >> 1)
  return {
    what: `Redis ${how}: latency of a request, longest and median`,
    floor: '0',
    target: '≤ 50 ms',
    ours: `${Math.max(...times).toFixed(1)} ms, ${median.toFixed(3)} ms`,
  }
}
