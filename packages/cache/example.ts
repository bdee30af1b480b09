import { setTimeout } from 'node:timers/promises'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createCache } from './src/index.ts'

const settings = readSettings(RedisSettings, process.env)
const redis = openRedis(settings, 'example-1', console)
const cache = createCache({ redis, prefix: settings.KEY_PREFIX, maxStaleness: '2s', logger: console })

// Stands for a database.
const rows = new Map([[42, { title: 'Ficciones', author: 7 }]])
const books = cache.define({
  name: 'books',
  version: 1,
  key: (id: number) => id,
  load: async (id) => rows.get(id),
  ttl: '30m',
  tags: (book) => [`author:${book.author}`],
})

// A service need not wait: until Redis answers, reads come from the source.
while (!cache.live) await setTimeout(5)

const show = async () => {
  const { value, from } = await books.read(42)
  process.stdout.write(`${value?.title} from ${from}\n`)
}
await show()
await show()

// A write whose writer may crash: while it is under way nobody caches the book, and afterwards all read the new one.
const { outcome } = await cache.mutate([books.key(42)], async () => {
  rows.set(42, { title: 'El Aleph', author: 7 })
})
process.stdout.write(`mutate: ${outcome}\n`)
await show()

// After the commit of any other write. Redis being away would be an outcome too, not an error.
const invalidated = await cache.invalidateTags(['author:7'])
process.stdout.write(`invalidateTags: ${invalidated.outcome}\n`)
await show()

await cache.close()
await redis.close()
