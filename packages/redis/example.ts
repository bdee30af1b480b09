import { readSettings } from '@lockstep/settings'
import { openRedis, openValues, RedisSettings } from './src/index.ts'

const settings = readSettings(RedisSettings, process.env)
const redis = openRedis(settings, 'example-1', console)
// A service need not wait: until Redis answers, commands fail at once.
if (!(await redis.whenAvailable(5_000))) throw new Error('Redis does not answer')

const values = openValues(redis, { prefix: settings.KEY_PREFIX })
process.stdout.write(`visit ${await values.increment('visits', { ttl: '1d' })}\n`)
process.stdout.write(`token ${await values.setIfAbsent('token', 'secret', { ttl: '10m' })}\n`)

const heard = Promise.withResolvers<string>()
const leave = redis.channels.listen('news', {
  up: () => void redis.run((commands) => commands.publish('news', 'hello')),
  down: () => {},
  message: heard.resolve,
})
process.stdout.write(`heard ${await heard.promise}\n`)

await leave()
await redis.close()
