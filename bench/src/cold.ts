import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { median } from './compare.ts'
import type { Row } from './table.ts'
import { numberIn, sharedTime, startWorker, type Worker } from './worker.ts'

const PROCESSES = 4
const CALLERS = 250
const ROUNDS = 15
/** Until the processes' code is compiled, as it is in a service: a round is a single miss. */
const WARM_UP = 25

/** A key that nobody has, asked for by everybody at once; and by one caller alone, which is the floor. */
export async function cold(): Promise<Row[]> {
  const server = await startRedisServer()
  const raw = new Redis(server.url)
  const workers = Array.from({ length: PROCESSES }, (_, at) =>
    startWorker('./cold-worker.ts', [server.url, `${at}`]),
  )
  await Promise.all(workers.map((worker) => worker.next()))
  const alone: number[] = []
  const together: number[] = []
  const loads: number[] = []
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const one = await ask(raw, workers, { id: 2 * round, callers: 1, processes: 1 })
    const all = await ask(raw, workers, { id: 2 * round + 1, callers: CALLERS, processes: PROCESSES })
    if (round < WARM_UP) continue
    alone.push(one.ms)
    together.push(all.ms)
    loads.push(all.loads)
  }
  await Promise.all(workers.map((worker) => worker.stop()))
  raw.disconnect()
  await server.stop()
  const most = Math.max(...loads)
  return [
    {
      what: `cold key, ${PROCESSES} processes × ${CALLERS} callers, 50 ms load`,
      floor: `one caller alone, ${median(alone).toFixed(0)} ms`,
      target: '1 load, ≤ 60 ms',
      ours: `${most} ${most === 1 ? 'load' : 'loads'}, ${median(together).toFixed(0)} ms`,
    },
  ]
}

async function ask(
  raw: Redis,
  workers: readonly Worker[],
  what: { id: number; callers: number; processes: number },
): Promise<{ loads: number; ms: number }> {
  const asked = workers.slice(0, what.processes)
  const begun = sharedTime()
  await raw.publish('ask', JSON.stringify(what))
  const reports = await Promise.all(asked.map((worker) => worker.next()))
  return {
    loads: reports.reduce<number>((sum, one) => sum + numberIn(one, 'loads'), 0),
    ms: Math.max(...reports.map((one) => numberIn(one, 'ended'))) - begun,
  }
}
