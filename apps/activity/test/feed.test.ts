import { test } from 'tap'
import { EventReader, followFeed, openFeed } from './fixtures/feed-client.ts'
import { soon, startFleet } from './fixtures/fleet.ts'

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `order-${from + n}`)

await test('A5 the live feed over two replicas', async (t) => {
  const fleet = await startFleet(t, { DRAIN_DELAY: '200ms', FEED_CONNECTIONS: '8' })
  const { one, two, desk, complete, notify } = fleet

  await t.test('P1 P2 open at one replica, and what happens at the other', async (t) => {
    const mine = await openFeed(t, one.url, await desk.bearer('1'))
    const other = await openFeed(t, one.url, await desk.bearer('2'))
    t.equal(mine.response.statusCode, 200)
    t.equal(mine.response.headers['content-type'], 'text/event-stream')
    t.equal(mine.response.headers['cache-control'], 'no-store')
    t.equal(mine.response.headers['x-served-by'], 'one')
    await soon(
      'both know where they are',
      () => mine.reader.lastEventId !== '' && other.reader.lastEventId !== '',
    )
    t.equal(mine.reader.retry, 1000)

    await complete(two.url, '1', 'order-1')
    await soon('the order is told', () => mine.reader.events.length === 1)
    t.match(mine.reader.events, [{ event: 'order', id: /^\d+-\d+$/ }])
    t.match(JSON.parse(mine.reader.events[0]?.data ?? ''), {
      id: 'order-1',
      orderId: 'order-1',
      kind: 'order',
      text: 'Order order-1 is complete: Ficciones',
    })

    const told = await notify(two.url, '1', 'Hello:\nthere')
    t.equal(told.status, 202)
    t.match(await told.json(), { receivers: 2, id: String }, 'both replicas listen')
    await soon('the notification came', () => mine.reader.events.length === 2)
    t.equal(mine.reader.events[1]?.event, 'notification')
    t.match(JSON.parse(mine.reader.events[1]?.data ?? ''), { text: 'Hello:\nthere' })
    await notify(two.url, '2', 'to you alone')
    await soon('the other heard of his own', () => other.reader.events.length === 1)
    t.equal(mine.reader.events.length, 2, 'and nobody else did')

    for (const name of names(10, 40)) await complete(name.endsWith('3') ? one.url : two.url, '1', name)
    await soon('all came', () => mine.reader.orders.length === 31)
    t.same(mine.reader.orders, ['order-1', ...names(10, 40)], 'P3 in order')
  })

  await t.test('P3 what is no message on a channel is skipped, and the next is heard', async (t) => {
    const { reader } = await openFeed(t, one.url, await desk.bearer('3'))
    await soon('it knows where it is', () => reader.lastEventId !== '')
    for (const foreign of ['nonsense', '{}', 'null']) {
      await desk.redis.run((redis) => redis.publish('user:3', foreign))
    }
    await complete(two.url, '3', 'order-1')
    await soon('the order is told', () => reader.orders.length === 1)
    t.match(one.output(), /message cannot be read, and is skipped/)
  })

  await t.test('without an id it begins with what comes; with one it goes on behind it', async (t) => {
    const bearer = await desk.bearer('4')
    await complete(one.url, '4', 'order-1')
    const first = await openFeed(t, one.url, bearer)
    await soon('it knows where it is', () => first.reader.lastEventId !== '')
    first.close()
    await complete(one.url, '4', 'order-2')
    const again = await openFeed(t, two.url, bearer, first.reader)
    await soon('what came meanwhile is there', () => again.reader.orders.length > 0)
    t.same(again.reader.orders, ['order-2'], 'and nothing else')

    const query = `${one.url}/feed?lastEventId=${again.reader.lastEventId}`
    await complete(one.url, '4', 'order-3')
    const byQuery = await openFeed(t, query, bearer)
    await soon('what came meanwhile is there', () => byQuery.reader.orders.length > 0)
    t.same(byQuery.reader.orders, ['order-3'], 'the same for a client without headers')
    const both = new EventReader()
    both.lastEventId = byQuery.reader.lastEventId
    const byHeader = await openFeed(t, query, bearer, both)
    await complete(one.url, '4', 'order-4')
    await soon('what comes is there', () => byHeader.reader.orders.length > 0)
    t.same(byHeader.reader.orders, ['order-4'], 'of two the header counts')
  })

  await t.test('a forged Last-Event-ID is refused, or answered with a reset and what is kept', async (t) => {
    const bearer = await desk.bearer('5')
    for (const forged of [
      'x',
      '1',
      '1-',
      '-1',
      '1-1-1',
      '*',
      '$',
      '0-0\t+',
      `1-${'9'.repeat(20)}`,
      '1e3-0',
    ]) {
      const headers = { ...bearer, 'last-event-id': forged }
      const refused = await fetch(`${one.url}/feed`, { headers })
      t.match(await refused.json(), { status: 400, code: 'LAST_EVENT_ID_INVALID' }, forged)
      const query = await fetch(`${one.url}/feed?lastEventId=${encodeURIComponent(forged)}`, {
        headers: bearer,
      })
      t.match(await query.json(), { status: 400, errors: [{ field: 'query.lastEventId' }] }, forged)
    }
    await complete(one.url, '5', 'order-1')
    for (const forged of ['0-0', '1-1', '999999999999999-999999999999999']) {
      const feed = await openFeed(t, one.url, { ...bearer, 'last-event-id': forged })
      await soon('the order is told', () => feed.reader.orders.length === 1)
      t.match(feed.reader.events, [{ event: 'reset', data: `{"after":"${forged}"}` }, { event: 'order' }])
      feed.close()
    }
  })

  await t.test('a user, and a replica, have so many feeds and no more', async (t) => {
    const open = async (user: string) => openFeed(t, one.url, await desk.bearer(user))
    const five = []
    for (let n = 0; n < 5; n++) five.push(await soon('there is room', () => open('6')))
    const sixth = await fetch(`${one.url}/feed`, { headers: await desk.bearer('6') })
    t.match(await sixth.json(), { status: 429, code: 'TOO_MANY_FEEDS' })
    t.equal(sixth.headers.get('retry-after'), '15')
    const others = [await open('61'), await open('62'), await open('63')]
    const ninth = await fetch(`${one.url}/feed`, { headers: await desk.bearer('64') })
    t.match(await ninth.json(), { status: 503, code: 'FEEDS_FULL' })
    t.ok(await openFeed(t, two.url, await desk.bearer('64')), 'elsewhere there is room')

    five[0]?.close()
    t.ok(await soon('one who leaves makes room', () => open('6')))
    for (const { close } of [...five, ...others]) close()
  })

  await t.test(
    'P4 a replica that drains ends its feeds in good order; clients go on elsewhere',
    async (t) => {
      const reader = followFeed(t, [one.url, two.url], await desk.bearer('7'))
      const watched = await openFeed(t, one.url, await desk.bearer('8'))
      await soon('they began', () => reader.lastEventId !== '' && watched.reader.lastEventId !== '')
      let stopping: Promise<unknown> | undefined
      for (const [n, name] of names(0, 40).entries()) {
        await complete(two.url, '7', name)
        if (n === 10) stopping = one.stop()
      }
      t.equal(await watched.ended, 'end')
      await stopping
      t.match(await one.exited, { code: 0 })
      await soon('all came', () => reader.orders.length >= 40)
      t.same(reader.orders, names(0, 40))
    },
  )

  await t.test('a replica is killed in mid-stream: complete, in order, without duplicates', async (t) => {
    const three = await fleet.start('three')
    const reader = followFeed(t, [three.url, two.url], await desk.bearer('9'))
    await soon('it began', () => reader.lastEventId !== '')
    for (const [n, name] of names(0, 60).entries()) {
      await complete(two.url, '9', name)
      if (n === 20) void three.kill()
    }
    await soon('all came', () => reader.orders.length >= 60)
    t.same(reader.orders, names(0, 60))
    t.notOk(reader.events.some(({ event }) => event === 'reset'))
  })
})
