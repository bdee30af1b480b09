import { createLocks } from '@lockstep/coordination'
import { openRedis } from '@lockstep/redis'
import { Redis } from 'ioredis'
import { settingsFor, silent } from './books.ts'
import { report } from './worker.ts'

/**
 * One of several processes that take one lock in turns, hold it for 2 ms and give it back: `ours`, or the `floor`, a token in
 * a list that BLPOP takes and RPUSH gives back. It begins when it is told to, and reports how often it had it, how often
 * another process had had it before, and how long it waited at most.
 */
const HOLD_MS = 2
const [url = '', what = '', id = '', ms = '0'] = process.argv.slice(2)
const raw = new Redis(url)
const blocking = new Redis(url)
const link = openRedis(settingsFor(url), id, silent)
const locks = createLocks({ redis: link, prefix: 'bench', logger: silent })
await Promise.all([link.whenAvailable(5000), locks.whenAvailable(5000)])

const told = new Redis(url)
told.on('message', () => void run(performance.now() + Number(ms)))
await told.subscribe('go')
report({ ready: true })

async function run(end: number): Promise<void> {
  let acquired = 0
  let handOffs = 0
  let longest = 0
  while (performance.now() < end) {
    const asked = performance.now()
    const before = what === 'ours' ? await ours() : await floor()
    if (performance.now() >= end) break
    acquired++
    if (before !== id) handOffs++
    longest = Math.max(longest, lastHad - asked)
  }
  report({ acquired, handOffs, longest })
}

let lastHad = 0
/** Who had it last: written by each holder, so that hand-offs are counted where they happen. */
async function whoWasHere(): Promise<string> {
  lastHad = performance.now()
  return String(await raw.call('SET', 'bench:last', id, 'GET'))
}

const hold = () => new Promise((resolve) => setTimeout(resolve, HOLD_MS))

async function ours(): Promise<string> {
  await using _ = await locks.acquire('one', { ttl: '10s', wait: '30s' })
  const [before] = await Promise.all([whoWasHere(), hold()])
  return before
}

async function floor(): Promise<string> {
  await blocking.blpop('bench:token', 0)
  const [before] = await Promise.all([whoWasHere(), hold()])
  await raw.rpush('bench:token', 'token')
  return before
}
