import { setImmediate as turn } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { INCREMENT, openLimiter } from './limit-parts.ts'
import { report } from './worker.ts'

/**
 * One process of the fleet that floods one key, as soon as it is told to, for some time: `steady` asks once a turn and
 * reports when Redis has admitted it; `ours` and `floor` ask as often as they can, and report how often that was.
 */
const CALLERS = 16
const [url = '', what = '', ms = '0'] = process.argv.slice(2)
const { limiter } = await openLimiter(url)
const policy = limiter.policy({
  name: what,
  limit: 100,
  window: what === 'steady' ? '1s' : '1h',
  storeTimeout: '5s',
})
const raw = new Redis(url)
const sha1 = String(await raw.script('LOAD', INCREMENT))
const told = new Redis(url)
told.on('message', () => void run(performance.now() + Number(ms)))
await told.subscribe('go')
report({ ready: true })

async function run(end: number): Promise<void> {
  if (what === 'steady') report({ admitted: await steady(end) })
  else report({ asked: await flood(end, what === 'ours' ? () => policy.consume('user:7') : increment) })
}

const increment = () => raw.evalsha(sha1, 1, 'raw:user:7', 1000)

async function steady(end: number): Promise<number[]> {
  const admitted: number[] = []
  while (performance.now() < end) {
    const { allowed, at } = await policy.consume('user:7')
    if (allowed && at !== undefined) admitted.push(at)
    await turn()
  }
  return admitted
}

async function flood(end: number, ask: () => Promise<unknown>): Promise<number> {
  let asked = 0
  const caller = async () => {
    while (performance.now() < end) {
      await ask()
      // An answer that is at hand must not keep the process from all else.
      if (++asked % 1000 === 0) await turn()
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return asked
}
