import { startRedisServer } from '@lockstep/servers'
import { Redis } from 'ioredis'
import { book, booksInL2, CALLERS, concurrently, KEYS, openReplica } from './books.ts'
import { compare } from './compare.ts'
import { type Row, rateOf, ratioOf } from './table.ts'

const MANY = 100

const keyOf = (id: number) => `raw:${id % KEYS}`
const parsed = (text: string | null): unknown => JSON.parse(text ?? 'null')

/** Hits in L2, over a real Redis. */
export async function l2(): Promise<Row[]> {
  const server = await startRedisServer()
  const replica = await openReplica(server.url, 'bench')
  const raw = new Redis(server.url)
  const pipelined = new Redis(server.url, { enableAutoPipelining: true })
  const books = await booksInL2(replica)
  for (let id = 0; id < KEYS; id++) await raw.set(keyOf(id), JSON.stringify(book(id)))

  const [floor, auto, ours] = await compare(
    10_000,
    { name: 'ioredis GET and JSON.parse', run: concurrently(async (n) => parsed(await raw.get(keyOf(n)))) },
    { name: 'with auto-pipelining', run: concurrently(async (n) => parsed(await pipelined.get(keyOf(n)))) },
    { name: 'get', run: concurrently((n) => books.get(n % KEYS)) },
  )
  const ids = Array.from({ length: KEYS / MANY }, (_, page) =>
    Array.from({ length: MANY }, (_one, at) => page * MANY + at),
  )
  const keys = ids.map((page) => page.map(keyOf))
  const [floorMany, oursMany] = await compare(
    200,
    {
      name: 'ioredis MGET and JSON.parse',
      async run(times) {
        for (let n = 0; n < times; n++) (await raw.mget(keys[n % ids.length] ?? [])).map(parsed)
      },
    },
    {
      name: 'getMany',
      async run(times) {
        for (let n = 0; n < times; n++) await books.getMany(ids[n % ids.length] ?? [])
      },
    },
  )
  await replica.close()
  raw.disconnect()
  pipelined.disconnect()
  await server.stop()
  if (!floor || !auto || !ours || !floorMany || !oursMany) return []
  return [
    {
      what: `L2 hits, ${CALLERS} callers`,
      floor: `${rateOf(floor)}; auto-pipelined ${ratioOf(auto)}`,
      target: '≥ 2',
      ours: ratioOf(ours),
    },
    { what: `getMany(${MANY}) from L2`, floor: rateOf(floorMany), target: '≥ 0.95', ours: ratioOf(oursMany) },
  ]
}
