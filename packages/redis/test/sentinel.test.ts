import { testSentinel, until } from '@lockstep/testing'
import { Redis } from 'ioredis'
import { test } from 'tap'
import type { RedisLink } from '../src/index.ts'
import { listen, openLink } from './links.ts'

const write = (link: RedisLink, value: string) => link.run((redis) => redis.set('k', value, 'PX', 60_000))
const read = (link: RedisLink) => link.run((redis) => redis.get('k'))
const publish = (link: RedisLink, text: string) => link.run((redis) => redis.publish('news', text))

/** Tries until it is done, as whoever writes would. */
const done = (what: string, attempt: () => Promise<unknown>) =>
  until(what, () => attempt().then(() => true), 30_000)

await test('Redis behind Sentinel: the primary is killed, and another one serves', async (t) => {
  const sentinel = await testSentinel(t)
  const { link, logger } = openLink(t, {
    REDIS_SENTINELS: sentinel.addresses,
    REDIS_SENTINEL_NAME: sentinel.name,
  })
  t.equal(link.topology, 'sentinel')
  t.equal(link.shards, 1)
  t.equal(await link.whenAvailable(30_000), true)
  const { heard } = listen(link, 'news')
  await until('the channel is heard', () => heard.length === 1)
  await write(link, 'before')

  const failover = sentinel.failover()
  await until('it is lost', () => !link.available && heard.at(-1) === 'down')
  await t.rejects(read(link), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  const primary = await failover
  await done('the new primary takes a write', () => write(link, 'after'))
  await until('the channel is heard again', () => heard.at(-1) === 'up')
  const observer = new Redis(primary.url)
  t.teardown(() => observer.disconnect())
  t.equal(await observer.get('k'), 'after')
  await publish(link, 'hello')
  await until('a message arrives', () => heard.at(-1) === 'hello')
  t.same(heard, ['up', 'down', 'up', 'hello'])

  t.equal(link.counts().topologyChanges, 1)
  const changes = logger.lines.filter(({ message }) => message === 'redis topology changed')
  t.match(changes, [{ level: 'warn', details: { endpoint: link.endpoint, to: /^127\.0\.0\.1:\d+$/ } }])
  t.equal(changes.length, 1)
})

await test('Redis behind Sentinel: the primary hangs, is replaced, and comes back as a replica', async (t) => {
  const sentinel = await testSentinel(t)
  const { link } = openLink(t, {
    REDIS_SENTINELS: sentinel.addresses,
    REDIS_SENTINEL_NAME: sentinel.name,
  })
  await link.whenAvailable(30_000)
  const { heard } = listen(link, 'news')
  await until('the channel is heard', () => heard.length === 1)
  await write(link, 'before')
  const old = await sentinel.primary()
  const resume = await sentinel.pausePrimary()
  t.teardown(resume)
  await until('its silence is noticed', () => heard.at(-1) === 'down')
  await t.rejects(write(link, 'lost'), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  const primary = await sentinel.replaced(old)
  await done('the new primary takes a write', () => write(link, 'after'))
  resume()
  const demoted = new Redis(old.url)
  t.teardown(() => demoted.disconnect())
  await until('the old one follows', async () => (await demoted.get('k')) === 'after')
  await until('all goes to the new one', () => link.available && heard.at(-1) === 'up')
  await done('it takes a write', () => write(link, 'still'))
  const observer = new Redis(primary.url)
  t.teardown(() => observer.disconnect())
  t.equal(await observer.get('k'), 'still')
})

await test('no sentinel answers: opening neither waits nor fails, and commands fail at once', async (t) => {
  const { link } = openLink(t, { REDIS_SENTINELS: '127.0.0.1:1', REDIS_SENTINEL_NAME: 'shop' })
  await t.rejects(read(link), { code: 'LOCKSTEP_REDIS_UNAVAILABLE' })
  await until('attempts are made', () => link.counts().commands.errors > 1)
  t.equal(link.available, false)
})
