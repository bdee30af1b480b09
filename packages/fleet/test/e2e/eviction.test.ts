import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { until } from '@lockstep/testing'
import { test } from 'tap'
import Type from 'typebox'
import Value from 'typebox/value'
import { openShop, percentiles, read, type Shop, seeded, warm, write } from './shop.ts'

const ROUNDS = 200
/**
 * No read that begins this long after a write was answered may show what was before it; a time in which the machine let
 * this process do nothing does not count.
 */
const BOUND_MS = 250
const BOOKS = 50

const seed = Number(process.env['LOCKSTEP_SEED'] ?? Date.now() % 1_000_000)
const random = seeded(seed)
const pick = <T>(list: readonly T[]): T => {
  const chosen = list[Math.floor(random() * list.length)]
  if (chosen === undefined) throw new Error('nothing to choose from')
  return chosen
}

const Page = Type.Object({ items: Type.Array(Type.Object({ title: Type.String() })) })

/** How long this process has been held up so far, by a timer that is due every few milliseconds. */
const TICK_MS = 5
let [heldUp, ticked] = [0, performance.now()]
setInterval(() => {
  const now = performance.now()
  heldUp += Math.max(0, now - ticked - 2 * TICK_MS)
  ticked = now
}, TICK_MS).unref()

/** What one replica answered after a write: how long it took to be fresh, or that it never was. */
async function freshAfter(
  url: string,
  id: number,
  title: string,
  written: number,
): Promise<number | 'stale'> {
  const heldBefore = heldUp
  for (;;) {
    const begun = performance.now()
    const { book } = await read(url, id)
    if (book.title === title) return performance.now() - written
    if (begun - written > BOUND_MS + (heldUp - heldBefore)) return 'stale'
  }
}

/** Warms a book in every L1, lets `change` write a new title, and reads it from `readers`. */
async function round(
  shop: Shop,
  number: number,
  change: (id: number, version: number, title: string) => Promise<{ readers: readonly { url: string }[] }>,
) {
  const id = 1 + Math.floor(random() * BOOKS)
  const books = await Promise.all(shop.replicas.map(({ url }) => warm(url, id)))
  const version = books[0]?.version ?? 0
  const title = `Round ${number} of seed ${seed}`
  const { readers } = await change(id, version, title)
  const written = performance.now()
  return Promise.all(readers.map(({ url }) => freshAfter(url, id, title, written)))
}

await test('a write through one replica evicts the copies in the others', async (t) => {
  const shop = await openShop(t)

  await t.test(`${ROUNDS} writes through random replicas, seed ${seed}`, async (t) => {
    const times: (number | 'stale')[] = []
    for (let number = 0; number < ROUNDS; number++) {
      const writer = pick(shop.replicas)
      const answered = await round(shop, number, async (id, version, title) => {
        const { status } = await write(writer.url, id, { version, title })
        if (status !== 200) throw new Error(`the write was answered with ${status}`)
        return { readers: shop.replicas.filter((replica) => replica !== writer) }
      })
      times.push(...answered)
    }
    t.equal(times.filter((time) => time === 'stale').length, 0, `no stale answer after ${BOUND_MS} ms`)
    t.comment(`propagation of a write: ${percentiles(times.filter((time) => time !== 'stale'))}`)
  })

  await t.test(
    `${ROUNDS} writes past the service, told with PUBLISH cache:invalidate (P5), seed ${seed}`,
    async (t) => {
      const times: (number | 'stale')[] = []
      const { publish, by } = foreignPublisher(shop.redis.port)
      for (let number = 0; number < ROUNDS; number++) {
        const answered = await round(shop, number, async (id, _version, title) => {
          await shop.database.query('update books set title = $1, version = version + 1 where id = $2', [
            title,
            id,
          ])
          await publish(`books:v1:${id}`)
          return { readers: shop.replicas }
        })
        times.push(...answered)
      }
      t.equal(times.filter((time) => time === 'stale').length, 0, `no stale answer after ${BOUND_MS} ms`)
      t.comment(
        `propagation of a plain key, by ${by}: ${percentiles(times.filter((time) => time !== 'stale'))}`,
      )
    },
  )

  await t.test('a page of a list is dropped by a write to any book', async (t) => {
    const [a, b] = shop.replicas
    if (!a || !b) throw new Error('no replicas')
    const titles = async (url: string): Promise<string[]> => {
      const page = Value.Parse(Page, await (await fetch(`${url}/books?limit=3`)).json())
      return page.items.map(({ title }) => title)
    }
    await titles(b.url)
    const { book } = await read(a.url, 2)
    await write(a.url, 2, { version: book.version, title: 'On every list' })
    await until('the other replica shows it', async () => (await titles(b.url))[1] === 'On every list')
    t.equal((await titles(a.url))[1], 'On every list')
  })

  await t.test('the gateway spreads reads over all replicas', async (t) => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => read(shop.gateway.url, 1)))
    t.same([...new Set(answers.map(({ servedBy }) => servedBy))].toSorted(), [
      'catalog-1',
      'catalog-2',
      'catalog-3',
    ])
  })
})

/** `redis-cli` where it is installed; where it is not, the same bytes over a socket. */
function foreignPublisher(port: number): { by: string; publish: (key: string) => Promise<void> } {
  if (spawnSync('redis-cli', ['--version']).status !== 0) {
    return { by: 'a socket (redis-cli is not installed)', publish: (key) => publishRaw(port, key) }
  }
  const publish = async (key: string) => {
    const { status, stderr } = spawnSync('redis-cli', [
      '-p',
      String(port),
      'PUBLISH',
      'cache:invalidate',
      key,
    ])
    if (status !== 0) throw new Error(`redis-cli failed: ${String(stderr)}`)
  }
  return { by: 'redis-cli', publish }
}

function publishRaw(port: number, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`PUBLISH cache:invalidate ${key}\r\n`))
    socket.once('data', () => {
      socket.end()
      resolve()
    })
    socket.once('error', reject)
  })
}
