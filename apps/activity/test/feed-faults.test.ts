import { openFeed as openStream } from '@lockstep/redis'
import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { decodeEntry } from '../src/feed/feed.ts'
import type { Notice } from '../src/notices/notice.ts'
import { askFeed, EventReader, followFeed, openFeed } from './fixtures/feed-client.ts'
import { operator, soon, startFleet } from './fixtures/fleet.ts'

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `order-${from + n}`)

await test('A5 the live feed while something is broken', async (t) => {
  const { redis, one, two, desk, complete, start } = await startFleet(t)
  const often = await start('often', {
    FEED_POLL: '100ms',
    FEED_HEARTBEAT: '300ms',
    FEED_STALL: '3s',
    FEED_KEPT: '20',
    FEED_CONNECTIONS_PER_USER: '1',
  })
  const stream = { prefix: 'shop', name: 'feed', ttl: '1h', max: 1000, decode: decodeEntry } as const
  const streams = openStream(desk.redis, stream)
  /** Puts a notice there as another replica does whose message is lost. */
  const addSilently = (user: string, id: string, text = id) => {
    const notice: Notice = { id, kind: 'order', text, at: new Date().toISOString(), orderId: id }
    return streams.append(user, notice)
  }

  await t.test('P2 subscriptions are killed while events come: nothing is lost', async (t) => {
    const { reader } = await openFeed(t, one.url, await desk.bearer('1'))
    await soon('it knows where it is', () => reader.lastEventId !== '')
    for (const [n, name] of names(0, 60).entries()) {
      if (n % 10 === 5) {
        await desk.redis.run((commands) => commands.callBuffer('client', 'kill', 'type', 'pubsub'))
      }
      await complete(two.url, '1', name)
    }
    await soon('all came', () => reader.orders.length >= 60)
    t.same(reader.orders, names(0, 60))
    await addSilently('1', 'order-60')
    await desk.redis.run((commands) => commands.callBuffer('client', 'kill', 'type', 'pubsub'))
    await soon('one whose message was lost came with the next subscription', () =>
      reader.orders.includes('order-60'),
    )
  })

  await t.test('C3 Redis hangs and comes back: the connection stays, and catches up', async (t) => {
    const bearer = await desk.bearer('2')
    const { reader } = await openFeed(t, one.url, bearer)
    await soon('it knows where it is', () => reader.lastEventId !== '')
    process.kill(redis.pid, 'SIGSTOP')
    t.teardown(() => process.kill(redis.pid, 'SIGCONT'))
    await soon('it is known to be away', async () => {
      const { status } = await fetch(`${one.url}/inbox`, { headers: bearer })
      return status === 503
    })
    const late = await openFeed(t, one.url, bearer)
    t.equal(late.response.statusCode, 200, 'a feed can be opened meanwhile')
    const sending = (async () => {
      for (const name of names(0, 5)) await complete(two.url, '2', name)
    })()
    process.kill(redis.pid, 'SIGCONT')
    await sending
    await soon('all came', () => reader.orders.length >= 5)
    t.same(reader.orders, names(0, 5))
    await soon('the other knows where it is', () => late.reader.lastEventId !== '')
    await complete(two.url, '2', 'order-5')
    await soon('it hears, too', () => late.reader.orders.includes('order-5'))
  })

  await t.test(
    'a lost message is made up for by a look now and then; comments break a silence',
    async (t) => {
      const { reader } = await openFeed(t, often.url, await desk.bearer('3'))
      await soon('it knows where it is', () => reader.lastEventId !== '')
      await addSilently('3', 'order-1')
      await soon('it came', () => reader.orders.length === 1)
      const before = reader.comments
      await soon('it shows that it lives', () => reader.comments >= before + 2)
    },
  )

  await t.test('what was cut off the feed meanwhile is said to be lost; the rest follows', async (t) => {
    const bearer = await desk.bearer('4')
    const watching = await openFeed(t, one.url, bearer)
    const away = await openFeed(t, often.url, bearer)
    await soon(
      'both know where they are',
      () => watching.reader.lastEventId !== '' && away.reader.lastEventId !== '',
    )
    away.close()
    await away.ended
    for (const name of names(0, 30)) await complete(often.url, '4', name)
    await soon('who watched has all', () => watching.reader.orders.length === 30)
    t.same(watching.reader.orders, names(0, 30))
    const place = away.reader.lastEventId
    await soon('who was away can come back', () => openFeed(t, often.url, bearer, away.reader))
    await soon('it has the rest', () => away.reader.orders.length >= 20)
    t.same(away.reader.orders, names(10, 30))
    t.match(away.reader.events[0], { event: 'reset', data: JSON.stringify({ after: place }) })
    t.equal(away.reader.events.filter(({ event }) => event === 'reset').length, 1)
  })

  await t.test('who does not read is cut off, and goes on later', async (t) => {
    const bearer = await desk.bearer('5')
    const first = await openFeed(t, often.url, bearer)
    await soon('it knows where it is', () => first.reader.lastEventId !== '')
    first.close()
    // More than the operating system keeps for a connection.
    for (const name of names(0, 200)) await addSilently('5', name, 'x'.repeat(64 * 1024))
    const reader = new EventReader()
    reader.lastEventId = first.reader.lastEventId
    const lazy = await soon('the place is free', async () => {
      const asked = await askFeed(t, often.url, bearer, reader)
      return asked.response.statusCode === 200 && asked
    })
    const refused = await fetch(`${often.url}/feed`, { headers: bearer })
    t.equal(refused.status, 429, 'it holds the only place of its user')
    await soon('it is cut', async () => {
      const probe = await openFeed(t, often.url, bearer)
      probe.close()
      return true
    })
    t.equal(await lazy.read(), 'broken')
    t.ok(reader.orders.length < 200, `${reader.orders.length}`)
    followFeed(t, [often.url], bearer, reader)
    await soon('it has all', () => reader.orders.length >= 200)
    t.same(reader.orders, names(0, 200))
  })

  await t.test('Redis comes back empty: a feed that is open says so, and goes on', async (t) => {
    const { reader } = await openFeed(t, one.url, operator)
    await soon('it knows where it is', () => reader.lastEventId !== '')
    await complete(two.url, 'operator', 'order-0')
    await soon('it has the first', () => reader.orders.length === 1)
    const place = reader.lastEventId
    await redis.kill()
    await testRedis(t, redis.port)
    for (const name of names(1, 10)) await complete(two.url, 'operator', name)
    await soon('it has all', () => reader.orders.length >= 10)
    t.same(reader.orders, names(0, 10))
    const resets = reader.events.filter(({ event }) => event === 'reset')
    t.match(resets, [{ data: JSON.stringify({ after: place }) }])
  })
})
