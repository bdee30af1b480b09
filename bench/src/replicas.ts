import { setTimeout as sleep } from 'node:timers/promises'
import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { openReplica } from './books.ts'
import { median } from './compare.ts'
import type { Row } from './table.ts'
import { numberIn, startWorker } from './worker.ts'

const REPLICAS = 32
const MESSAGES = 300
const ROUNDS = 7
const PACE_MS = 3

/** What it costs a replica to hear of an invalidation, beside a plain subscriber that deletes from a Map. */
export async function replicas(): Promise<Row[]> {
  const server = await startRedisServer()
  const raw = new Redis(server.url)
  const writer = await openReplica(server.url, 'bench-writer')
  const worker = startWorker('./replicas-worker.ts', [server.url, `${REPLICAS}`, `${MESSAGES}`])
  await worker.next()

  /** Microseconds of the processor for a message in a replica. */
  async function cost(kind: 'floor' | 'ours', send: (key: string) => Promise<unknown>): Promise<number> {
    await raw.publish('measure', kind)
    await worker.next()
    for (let n = 0; n < MESSAGES; n++) {
      await send(`books:v1:${n}`)
      // So that each message comes alone, whatever sending it takes: to read several at once is cheaper.
      await sleep(PACE_MS)
    }
    return numberIn(await worker.next(), 'micros') / MESSAGES / REPLICAS
  }
  const floors: number[] = []
  const ratios: number[] = []
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const floor = await cost('floor', (key) => raw.publish('floor', key))
    const ours = await cost('ours', (key) => writer.cache.invalidate({ keys: [key] }))
    if (round === 0) continue
    floors.push(floor)
    ratios.push(ours / floor)
  }
  await worker.stop()
  await writer.close()
  raw.disconnect()
  await server.stop()
  return [
    {
      what: `CPU of an invalidation in a replica, ${REPLICAS} replicas`,
      floor: `SUBSCRIBE and Map.delete, ${median(floors).toFixed(1)} µs`,
      target: '≤ 1.3',
      ours: median(ratios).toFixed(2),
    },
  ]
}
