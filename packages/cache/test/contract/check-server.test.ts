import { recordingLogger, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { checkServer } from '../../src/redis/check-server.ts'
import { redisTransport } from '../../src/redis/transport.ts'
import { openLink } from './links.ts'

/** A link to servers that say this of themselves. */
const saying = (...answers: string[]) => ({ info: async () => answers })

async function warnings(link: Parameters<typeof checkServer>[0]) {
  const logger = recordingLogger()
  await checkServer(link, logger)
  return logger.lines
}

await test('a Redis that can evict control keys is warned about, and one that is too old', async (t) => {
  t.same(await warnings(saying('redis_version:7.0.15\r\nmaxmemory_policy:volatile-lru\r\n')), [])
  t.same(await warnings(saying('redis_version:8.2.1\r\n', 'redis_version:10.0.0\r\n')), [])
  t.match(await warnings(saying('maxmemory_policy:noeviction\r\n', 'maxmemory_policy:allkeys-lfu\r\n')), [
    { level: 'error', details: { policy: 'allkeys-lfu' }, message: /volatile-lru/ },
  ])
  t.match(await warnings(saying('redis_version:7.0.0\r\n', 'redis_version:6.2.14\r\n')), [
    { level: 'error', details: { version: '6.2.14' }, message: /7\.0/ },
  ])
})

await test('a Redis that does not say is taken as it is', async (t) => {
  t.same(await warnings({ info: () => Promise.reject(new Error('NOPERM')) }), [])
})

await test('a transport checks once, as soon as Redis answers', async (t) => {
  const { url } = await testRedis(t)
  const raw = new Redis(url)
  t.teardown(() => raw.disconnect())
  await raw.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const link = await openLink(t, { REDIS_URL: url })
  const logger = recordingLogger()
  redisTransport(link, { prefix: 'shop', logger })
  await until('it has warned', () => logger.lines.length > 0)
  t.match(logger.lines, [{ level: 'error', details: { policy: 'allkeys-lru' } }])
})
