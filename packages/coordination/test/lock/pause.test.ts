import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { openLink, urlOf } from './links.ts'
import { FENCED, PLAIN, writeBoth } from './pause-store.ts'
import { locksOver, say, startWorker, stateOf } from './rig.ts'

const TTL = 400
const TRIALS = 5

await test('S3 a holder that is stopped past its lease and goes on: its writes', async (t) => {
  const { port } = await testRedis(t)
  const link = await openLink(t, urlOf(port), 'test')
  const locks = locksOver(t, link)
  const worker = startWorker(t, './pause-holder.ts', { port, ttl: TTL })

  let trials = 0
  while (trials < TRIALS) {
    const heard = worker.lines.length
    const fence = await until('the worker holds it', () => fenceIn(worker.lines.slice(heard), 'held'), 30_000)
    process.kill(worker.pid, 'SIGSTOP')
    try {
      const state = await stateOf(link, 'book')
      // It was stopped too late for this trial: it had lost it, or has written already.
      const written = await say(link, 'lrange', PLAIN, -1, -1)
      const late = state.fence !== fence || state.holders.length === 0 || String(written) === String(fence)
      const lock = await locks.acquire('book', { ttl: '30s', wait: '20s' })
      t.ok(lock.fence > fence, 'who comes after has a higher fence')
      t.equal(await writeBoth(link, lock.fence), 1)
      process.kill(worker.pid, 'SIGCONT')
      if (!late) {
        await until('the worker has written, and released', () => worker.lines.includes(`released ${fence}`))
        trials++
      }
      const { holders, fence: last } = await stateOf(link, 'book')
      t.same([holders.length, last], [1, lock.fence], 'its release takes nothing from the next')
      await lock.release()
    } finally {
      process.kill(worker.pid, 'SIGCONT')
    }
  }

  const staleIn = async (key: string) => {
    const fences = [await say(link, 'lrange', key, 0, -1)].flat().map(Number)
    return fences.filter((fence, i) => fences.slice(0, i).some((before) => before > fence)).length
  }
  t.equal(await staleIn(FENCED), 0, 'a store that checks the fence takes none')
  const taken = await staleIn(PLAIN)
  t.ok(taken >= 3, `one that does not has taken ${taken} in ${TRIALS} trials`)
})

function fenceIn(lines: readonly string[], word: string): number | undefined {
  const found = lines.findLast((line) => line.startsWith(`${word} `))
  return found === undefined ? undefined : Number(found.split(' ')[1])
}
