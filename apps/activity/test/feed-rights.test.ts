import { test } from 'tap'
import { openFeed } from './fixtures/feed-client.ts'
import { operator, soon, startFleet } from './fixtures/fleet.ts'

await test('A5 a feed ends with the right to it', async (t) => {
  // Nobody is asked now and then: what ends a feed here is a message, or the time.
  const { one, desk, start, notify } = await startFleet(t, { FEED_POLL: '100ms' })
  const open = async (url: string, headers: Record<string, string>) => {
    const feed = await openFeed(t, url, headers)
    await soon('it knows where it is', () => feed.reader.lastEventId !== '')
    return feed
  }

  await t.test('nobody has a feed who is not known', async (t) => {
    for (const headers of [
      {},
      { authorization: 'Bearer x' },
      { cookie: 'session=x' },
      { 'x-user-id': '1' },
    ]) {
      const refused = await fetch(`${one.url}/feed`, { headers })
      t.equal(refused.status, 401)
      t.match(refused.headers.get('www-authenticate'), /^Bearer/)
    }
  })

  await t.test('nobody can name the feed of another', async (t) => {
    const feed = await openFeed(t, `${one.url}/feed?user=1&id=1`, {
      ...(await desk.bearer('2')),
      'x-user-id': '1',
    })
    await soon('it knows where it is', () => feed.reader.lastEventId !== '')
    await notify(one.url, '1', 'for 1')
    await notify(one.url, '2', 'for 2')
    await soon('he has his own', () => feed.reader.events.length === 1)
    t.match(feed.reader.events[0]?.data, /for 2/)
  })

  await t.test('S1 a session that ends takes its feeds along, and no other', async (t) => {
    const [phone, laptop] = [await desk.cookie('3'), await desk.cookie('3')]
    const [ending, staying] = [await open(one.url, phone.headers), await open(one.url, laptop.headers)]
    const byToken = await open(one.url, await desk.bearer('3'))
    t.ok(await desk.sessions.end('3', phone.reference))
    t.equal(await ending.ended, 'end')
    await t.rejects(openFeed(t, one.url, phone.headers), /401/)
    await notify(one.url, '3', 'still here')
    await soon('the others hear on', () => staying.reader.events.length + byToken.reader.events.length === 2)
  })

  await t.test('S1 a log-out everywhere ends feeds by session and by token', async (t) => {
    const feeds = [
      await open(one.url, (await desk.cookie('4')).headers),
      await open(one.url, await desk.bearer('4')),
    ]
    const other = await open(one.url, await desk.bearer('5'))
    await desk.sessions.endAll('4')
    t.same(await Promise.all(feeds.map(({ ended }) => ended)), ['end', 'end'])
    await notify(one.url, '5', 'still here')
    await soon('another user hears on', () => other.reader.events.length === 1)
  })

  await t.test('a token that expires takes its feeds along', async (t) => {
    const short = await open(one.url, await desk.bearer('6', [], 5000))
    t.equal(await short.ended, 'end')
  })

  await t.test('a log-out of which nobody heard is noticed', async (t) => {
    const often = await start('often', { FEED_CHECK: '300ms' })
    const lasting = await open(often.url, operator)
    const session = await open(often.url, (await desk.cookie('7')).headers)
    await desk.redis.run((redis) => redis.callBuffer('flushall'))
    t.equal(await session.ended, 'end', 'the session is not there any more')
    await notify(often.url, 'operator', 'still here')
    await soon('who may stay does', () => lasting.reader.events.some(({ event }) => event === 'notification'))
  })
})
