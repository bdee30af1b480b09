import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { type Book, book, definition, openReplica } from './books.ts'
import { report } from './worker.ts'

/** Many replicas in one process, and as many plain subscribers: measures the processor time of either's messages. */
const [url = '', count = '', messages = ''] = process.argv.slice(2)
const all = Array.from({ length: Number(count) }, (_, at) => at)
const ids = Array.from({ length: Number(messages) }, (_, id) => id)

const heard = all.map(() => 0)
const maps = await Promise.all(
  all.map(async (at) => {
    const map = new Map<string, Book>()
    const subscriber = new Redis(url)
    subscriber.on('message', (_channel: string, key: string) => {
      heard[at] = (heard[at] ?? 0) + 1
      map.delete(key)
    })
    await subscriber.subscribe('floor')
    return map
  }),
)
// What a replica does without any messages, its probes and pings, is no part of what one costs.
const quiet = { maxStaleness: '10m', heartbeat: '10m' } as const
const replicas = await Promise.all(all.map((at) => openReplica(url, `bench-${at}`, quiet)))
const caches = replicas.map(({ cache }) => cache.define<number, Book>({ ...definition }))

const KINDS = {
  floor: {
    async fill() {
      for (const map of maps) for (const id of ids) map.set(`books:v1:${id}`, book(id))
    },
    heard: (at: number) => heard[at] ?? 0,
  },
  ours: {
    async fill() {
      for (const books of caches) await books.getMany(ids)
      // What the first of them has loaded goes to Redis behind its back.
      await sleep(100)
    },
    heard: (at: number) => replicas[at]?.cache.stats().messages ?? 0,
  },
}

const told = new Redis(url)
told.on('message', (_channel: string, kind: string) => void measure(kind === 'floor' ? 'floor' : 'ours'))
await told.subscribe('measure')
report({ ready: true })

async function measure(name: keyof typeof KINDS): Promise<void> {
  const kind = KINDS[name]
  await kind.fill()
  globalThis.gc?.()
  const whole = all.map((at) => kind.heard(at) + ids.length)
  const before = process.cpuUsage()
  report({ begun: true })
  // One after the other: asking for counts takes time, too.
  for (const at of all) while (kind.heard(at) < (whole[at] ?? 0)) await sleep(20)
  const { user, system } = process.cpuUsage(before)
  report({ micros: user + system })
}
