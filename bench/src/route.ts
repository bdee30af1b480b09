import { createCache, memoryTransport } from '@lockstep/cache'
import { useCache } from '@lockstep/fastify'
import fastify from 'fastify'
import { book, silent } from './books.ts'
import type { Row } from './table.ts'
import { numberIn, startWorker } from './worker.ts'

const PAGE = 20

/** A route whose answer lies in L1, beside the same route without a cache, whose handler returns a constant. */
export async function route(): Promise<Row[]> {
  const app = fastify()
  const cache = createCache({ transport: memoryTransport(), logger: silent })
  useCache(app, { cache })
  const one = book(42)
  const page = Array.from({ length: PAGE }, (_, id) => book(id))
  const config = { cache: { ttl: '10m' } } as const
  app.get('/constant/book', async () => one)
  app.get('/constant/page', async () => page)
  app.get('/cached/book', { config }, async () => one)
  app.get('/cached/page', { config }, async () => page)
  app.get('/cpu', async () => process.cpuUsage())
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  const rows = [
    await measured('a book', `${address}/constant/book`, `${address}/cached/book`),
    await measured(`a page of ${PAGE}`, `${address}/constant/page`, `${address}/cached/page`),
  ]
  await app.close()
  return rows
}

async function measured(what: string, floor: string, ours: string): Promise<Row> {
  const worker = startWorker('./route-worker.ts', [floor, ours])
  const result = await worker.next()
  await worker.stop()
  return {
    what: `Fastify route, L1 hit of a cached response: ${what}`,
    floor: `returning a constant object, ${numberIn(result, 'micros').toFixed(0)} µs of CPU`,
    target: '≥ 1.05',
    ours: numberIn(result, 'ratio').toFixed(2),
  }
}
