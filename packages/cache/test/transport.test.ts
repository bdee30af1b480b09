import { openRedis, RedisSettings } from '@lockstep/redis'
import { readSettings } from '@lockstep/settings'
import { recordingLogger, type Teardown, testRedis, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import { memoryTransport, redisTransport } from '../src/index.ts'
import { CHANNEL } from '../src/wire.ts'
import { transportContract } from './contract.ts'

await transportContract('memory', async () => {
  const transport = memoryTransport()
  return { transport, publish: async (payload) => transport.publish(payload) }
})

async function openOnRedis(t: Teardown) {
  const server = await testRedis(t)
  const link = openRedis(
    readSettings(RedisSettings, { REDIS_URL: server.url, REDIS_COMMAND_TIMEOUT: '5s' }),
    'test',
    recordingLogger(),
  )
  const raw = new Redis(server.url)
  t.teardown(async () => {
    raw.disconnect()
    await link.close()
  })
  await until('the link is up', () => link.available)
  return {
    transport: redisTransport(link, { prefix: 'shop' }),
    publish: async (payload: string) => void (await raw.publish(CHANNEL, payload)),
    raw,
  }
}

await transportContract('redis', openOnRedis)

await test('K2 K9 every entry and lease has a TTL, and every key our prefix', async (t) => {
  const { transport, raw } = await openOnRedis(t)
  const grant = await transport.store.lease('books:v1', 'books:v1:42')
  await transport.store.fill('books:v1:42', grant, { value: 1, expiresAt: Date.now() + 60_000 })
  await transport.store.lease('books:v1', 'books:v1:43')
  const keys = await raw.keys('*')
  t.same(keys.toSorted(), [
    'shop:{0}:books:v1:42',
    'shop:{0}:generation:books:v1',
    'shop:{0}:lease:books:v1:43',
  ])
  t.ok((await raw.pttl('shop:{0}:books:v1:42')) > 50_000)
  t.ok((await raw.pttl('shop:{0}:lease:books:v1:43')) > 0)
})

await test('what lies in Redis and is not ours reads as absent', async (t) => {
  const { transport, raw } = await openOnRedis(t)
  await transport.store.lease('books:v1', 'books:v1:42')
  for (const foreign of ['', 'text', '{}', '{"f":9,"g":"x","e":1}', '[1]', 'null']) {
    await raw.set('shop:{0}:books:v1:42', foreign)
    t.equal(await transport.store.read('books:v1', 'books:v1:42'), undefined, JSON.stringify(foreign))
  }
})

await test('a value that JSON cannot hold is named', async (t) => {
  const { transport } = await openOnRedis(t)
  const grant = await transport.store.lease('books:v1', 'books:v1:42')
  for (const value of [1n, () => 1, Symbol('x')]) {
    const fill = transport.store.fill('books:v1:42', grant, { value, expiresAt: Date.now() + 1000 })
    await t.rejects(fill, { code: 'LOCKSTEP_ENCODE_FAILED', message: /books:v1:42/ })
  }
})

await test('removing works when Redis is full', async (t) => {
  const { transport, raw } = await openOnRedis(t)
  const grant = await transport.store.lease('books:v1', 'books:v1:42')
  await transport.store.fill('books:v1:42', grant, { value: 1, expiresAt: Date.now() + 60_000 })
  await raw.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1')
  await t.rejects(transport.store.lease('books:v1', 'books:v1:43'), { message: /OOM/ })
  await transport.store.invalidate({ names: [], caches: ['films:v1'] }, 'told')
  await transport.store.invalidate({ names: ['books:v1:42'], caches: ['books:v1'] }, 'told')
  t.equal(await raw.exists('shop:{0}:books:v1:42'), 0)
})
