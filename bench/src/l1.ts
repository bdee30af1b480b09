import { createCache, memoryTransport, type NamedCache } from '@lockstep/cache'
import { LRUCache } from 'lru-cache'
import { type Book, book, definition, KEYS, silent } from './books.ts'
import { compare, median } from './compare.ts'
import { type Row, rateOf, ratioOf } from './table.ts'

/** So many hits are awaited between two looks at the heap: few enough that nothing is collected meanwhile. */
const HITS = 1000

/** Hits in L1, by the ids that lru-cache is given, too. */
export async function l1(): Promise<Row[]> {
  const cache = createCache({ transport: memoryTransport(), logger: silent, maxStaleness: '10m' })
  const books = cache.define<string, Book>({
    ...definition,
    key: (id) => id,
    load: async (id) => book(Number(id)),
  })
  const lru = new LRUCache<string, Book>({ max: 10_000 })
  const ids = Array.from({ length: KEYS }, (_, id) => `${id}`)
  for (const id of ids) lru.set(id, book(Number(id)))
  // Until the first probe has been answered, nothing is kept.
  for (const id of ids) while (books.peek(id) === undefined) await books.get(id)
  const rows = [...(await speed(books, lru, ids)), await allocated(books, lru, ids)]
  await cache.close()
  return rows
}

async function speed(
  books: NamedCache<string, Book>,
  lru: LRUCache<string, Book>,
  ids: readonly string[],
): Promise<Row[]> {
  const around = async (id: string) => lru.get(id)
  const idOf = (n: number) => ids[n % KEYS] ?? ''
  const [floor, ours] = await compare(
    200_000,
    {
      name: 'async function around lru-cache.get',
      async run(times) {
        for (let n = 0; n < times; n++) await around(idOf(n))
      },
    },
    {
      name: 'get',
      async run(times) {
        for (let n = 0; n < times; n++) await books.get(idOf(n))
      },
    },
  )
  const [floorSync, oursSync] = await compare(
    1_000_000,
    {
      name: 'lru-cache.get',
      run(times) {
        for (let n = 0; n < times; n++) lru.get(idOf(n))
      },
    },
    {
      name: 'peek',
      run(times) {
        for (let n = 0; n < times; n++) books.peek(idOf(n))
      },
    },
  )
  if (!floor || !ours || !floorSync || !oursSync) return []
  return [
    { what: 'L1 hit, awaited', floor: rateOf(floor), target: '≥ 0.80', ours: ratioOf(ours) },
    { what: 'L1 hit, peek', floor: rateOf(floorSync), target: '≥ 0.50', ours: ratioOf(oursSync) },
  ]
}

async function allocated(
  books: NamedCache<string, Book>,
  lru: LRUCache<string, Book>,
  ids: readonly string[],
): Promise<Row> {
  const around = async (id: string) => lru.get(id)
  const floor = await bytesOf(async () => {
    for (let n = 0; n < HITS; n++) await around(ids[n % KEYS] ?? '')
  })
  const ours = await bytesOf(async () => {
    for (let n = 0; n < HITS; n++) await books.get(ids[n % KEYS] ?? '')
  })
  return {
    what: 'bytes allocated an awaited hit',
    floor: `the same, ${floor}`,
    target: '≤ 300',
    ours: `${ours}`,
  }
}

/** Bytes a hit. In a round or two the heap may be collected all the same, or something else may allocate: the median. */
async function bytesOf(hits: () => Promise<void>): Promise<number> {
  const grown: number[] = []
  for (let round = 0; round < 100; round++) await hits()
  for (let round = 0; round < 21; round++) {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    await hits()
    grown.push(process.memoryUsage().heapUsed - before)
  }
  return Math.round(median(grown) / HITS)
}
