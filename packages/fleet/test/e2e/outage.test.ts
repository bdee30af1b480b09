import { freePort } from '@lockstep/servers'
import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import { health, inStep, openShop, read, type Shop, warm, write } from './shop.ts'

const READERS = 8
const WRITERS = 3

/** Readers and writers at the gateway until they are told to stop. Every answer that is not as it should be is kept. */
function load(shop: Shop, writers = WRITERS) {
  const wrong: string[] = []
  const last = new Map<number, string>()
  const counts = { reads: 0, writes: 0 }
  let stopped = false

  const reader = async (n: number) => {
    while (!stopped) {
      const id = 1 + ((counts.reads * 7 + n) % 40)
      const { status } = await read(shop.gateway.url, id)
      if (status !== 200) wrong.push(`read of ${id}: ${status}`)
      counts.reads++
    }
  }
  const writer = async (n: number) => {
    const id = n + 1
    let { version } = (await read(shop.gateway.url, id)).book
    while (!stopped) {
      const title = `Write ${counts.writes++} to ${id}`
      const { status, book } = await write(shop.gateway.url, id, { version, title })
      if (status !== 200) wrong.push(`write to ${id}: ${status}`)
      version = book.version
      last.set(id, title)
    }
  }
  const workers = [
    ...Array.from({ length: READERS }, (_, n) => reader(n)),
    ...Array.from({ length: writers }, (_, n) => writer(n)),
  ]
  const more = (what: 'reads' | 'writes', by: number) => {
    const from = counts[what]
    return until(`${by} more ${what}`, () => counts[what] >= from + by, 60_000)
  }
  return {
    wrong,
    last,
    counts,
    /** Waits until the load has gone on for so many more reads and writes. */
    async goOn(reads: number, writes: number) {
      await Promise.all([more('reads', reads), more('writes', writes)])
    },
    async stop() {
      stopped = true
      await Promise.all(workers)
    },
  }
}

await test('a shop in bad weather', async (t) => {
  const shop = await openShop(t)

  await t.test('C3 K6 Redis killed and restarted under load: no failed request, nothing stale', async (t) => {
    const running = load(shop)
    await running.goOn(300, 30)

    await shop.redis.kill()
    await until('every replica has noticed', async () =>
      (await Promise.all(shop.replicas.map(health))).every((status) => status === 'degraded'),
    )
    await running.goOn(300, 30)
    // L1 may be served until its lease ends.
    await until('the database answers', async () => {
      const during = await read(shop.gateway.url, 30)
      t.equal(during.status, 200)
      return /lockstep-l1; fwd=bypass; detail=l2-away/.test(during.cacheStatus)
    })

    await testRedis(shop, shop.redis.port)
    await Promise.all(shop.replicas.map(inStep))
    await running.goOn(300, 30)
    await running.stop()

    t.same(running.wrong, [], `of ${running.counts.reads} reads and ${running.counts.writes} writes`)
    for (const { url } of shop.replicas) {
      for (const [id, title] of running.last) {
        t.equal((await warm(url, id)).title, title, `${url} shows the last write to ${id}`)
      }
    }
    for (const replica of shop.replicas)
      t.notMatch(replica.output(), /"level":(50|60)/, 'no error was logged')
  })

  await t.test('C3 a replica starts and serves without Redis, and takes it up when it comes', async (t) => {
    const port = await freePort()
    const replica = await shop.startReplica('catalog-4', { REDIS_URL: `redis://127.0.0.1:${port}` })
    t.equal(await health(replica), 'degraded')
    t.match(await read(replica.url, 5), { status: 200, cacheStatus: /fwd=bypass/ })
    await testRedis(t, port)
    await inStep(replica)
    t.ok(await warm(replica.url, 5))
    await replica.stop()
  })

  await t.test('a replica that is killed, or that drains, costs no read', async (t) => {
    const running = load(shop, 0)
    await running.goOn(200, 0)
    await shop.replicas[0]?.kill()
    await running.goOn(200, 0)
    await shop.replicas[1]?.stop()
    await running.goOn(200, 0)
    await running.stop()
    t.same(running.wrong, [], `of ${running.counts.reads} reads`)
    t.equal((await read(shop.gateway.url, 1)).servedBy, 'catalog-3')
  })
})
