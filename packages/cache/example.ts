import { setTimeout } from 'node:timers/promises'
import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { createCache, redisTransport } from './src/index.ts'

const settings = readSettings(RedisSettings, process.env)
const redis = openRedis(settings, 'example-1', console)
const cache = createCache({
  transport: redisTransport(redis, { prefix: settings.KEY_PREFIX }),
  logger: console,
})

// Stands for a database.
const titles = new Map([[42, 'Ficciones']])
const books = cache.define({
  name: 'books',
  version: 1,
  key: (id: number) => id,
  load: async (id) => titles.get(id),
  accepts: (stored) => typeof stored === 'string',
  ttl: '30m',
})

// A service need not wait: until Redis answers, reads come from the source.
await redis.whenAvailable(5_000)
while (!cache.live) await setTimeout(5)

const show = async () => {
  const { value, from } = await books.read(42)
  process.stdout.write(`${value} from ${from}\n`)
}
await show()
await show()

// After the commit of a write.
titles.set(42, 'El Aleph')
process.stdout.write(`${await books.invalidate(42)}\n`)
await show()

await cache.close()
await redis.close()
