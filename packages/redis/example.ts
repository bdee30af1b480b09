import { readSettings } from '@lockstep/settings'
import { openRedis, RedisSettings } from './src/index.ts'

const redis = openRedis(readSettings(RedisSettings, process.env), 'example-1', console)
// A service need not wait: until Redis answers, commands fail at once.
if (!(await redis.whenAvailable(5_000))) throw new Error('Redis does not answer')

const heard = Promise.withResolvers<string>()
const leave = redis.channels.listen('news', {
  up: () => void redis.run((commands) => commands.eval("return redis.call('PUBLISH', 'news', 'hello')", 0)),
  down: () => {},
  message: heard.resolve,
})
process.stdout.write(`heard ${await heard.promise}\n`)

await leave()
await redis.close()
