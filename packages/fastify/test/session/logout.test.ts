import { testRedis, until } from '@lockstep/testing'
import { test } from 'tap'
import type { Ended } from '../../src/index.ts'
import { browser, openApp } from './fleet.ts'
import { callsDuring, command, keysIn } from './redis.ts'

await test('S1 log-out everywhere: on all devices, at all replicas, which are told', async (t) => {
  const server = await testRedis(t)
  const replicas = await Promise.all([1, 2, 3].map(() => openApp(t, { REDIS_URL: server.url })))
  const [first] = replicas
  if (!first) throw new Error('no replicas')
  // What each replica keeps of sessions, such as open streams, by user.
  const kept = replicas.map(({ app }) => {
    const streams = new Map([
      ['ada', 'a stream'],
      ['bob', 'a stream'],
    ])
    const heard: Ended[] = []
    app.sessions.onEnded((ended) => {
      heard.push(ended)
      if (ended.kind === 'all') streams.delete(ended.user)
    })
    return { streams, heard }
  })
  await until('all hear', () => kept.every(({ heard }) => heard[0]?.kind === 'unknown'))
  const devices = replicas.map((replica) => browser(replica))
  const bob = browser(first)
  await bob.post('/login', { user: 'bob' })
  for (const device of devices) await device.post('/login', { user: 'ada' })
  const [phone] = devices
  t.match(await phone?.post('/logout-everywhere'), { status: 200, body: { ended: 3 } })
  t.same(phone?.jar, {})
  for (const replica of replicas) {
    for (const { jar } of devices) {
      t.match(await browser(replica, { '__Host-session': 'x', ...jar }).get('/me'), { status: 401 })
    }
  }
  t.match(await bob.get('/me'), { status: 200 }, 'others stay')
  await until('all replicas have dropped theirs', () => kept.every(({ streams }) => !streams.has('ada')))
  t.ok(kept.every(({ streams }) => streams.has('bob')))
  t.match(await phone?.post('/login', { user: 'ada' }), { status: 200 }, 'one can log in again')
  t.match(await phone?.get('/me'), { status: 200 })
})

await test('S1 a session is of no use when its user has another generation, even if its record is still there', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(app)
  await ada.post('/login', { user: 'ada' })
  const [record = ''] = await keysIn(app.link, 'shop:*session:*')
  const dump = await command(app.link, 'dump', record)
  if (!(dump instanceof Buffer)) throw new Error('no dump')
  await app.app.sessions.endAll('ada')
  await app.link.run((redis) => redis.callBuffer('restore', record, 60_000, dump))
  t.match(await ada.get('/me'), { status: 401 })
  t.match(await ada.post('/save', { a: 1 }), { status: 200 }, 'it is as unknown as any')
  t.match(await ada.get('/maybe'), { body: { user: null } })
})

await test('S1 the generation rises, also when the clock of Redis was set back', async (t) => {
  const server = await testRedis(t)
  const { app, link } = await openApp(t, { REDIS_URL: server.url })
  await app.sessions.generation('ada')
  const [user = ''] = await keysIn(link, 'shop:*sessions:*')
  const future = 8e15
  await command(link, 'hset', user, 'generation', future)
  await app.sessions.endAll('ada')
  t.equal(Number(await app.sessions.generation('ada')), future + 1)
})

await test('S1 a user sees the sessions there are, and ends one', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const { sessions } = app.app
  const [phone, desk] = [browser(app), browser(app)]
  for (const device of [phone, desk]) await device.post('/login', { user: 'ada', data: { private: 1 } })
  await browser(app).post('/login', { user: 'bob' })
  const listed = await sessions.list('ada')
  t.equal(listed.length, 2)
  const { body } = await phone.get('/me')
  const own = listed.find(({ reference }) => reference === body['reference'])
  t.match(own, { user: 'ada', agent: 'test-browser', created: Number, seen: Number, ends: Number })
  t.notOk(own && 'data' in own, 'what it holds is the session’s own business')
  t.equal(await sessions.end('bob', String(body['reference'])), false, 'not in the name of another')
  t.match(await phone.get('/me'), { status: 200 })
  t.equal(await sessions.end('ada', String(body['reference'])), true)
  t.equal(await sessions.end('ada', String(body['reference'])), false)
  t.match(await phone.get('/me'), { status: 401 })
  t.match(await desk.get('/me'), { status: 200 })
  t.equal((await sessions.list('ada')).length, 1)
  t.same(await sessions.list('nobody'), [])
})

await test('S1 the index of a user is bounded, and forgets what is over', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url }, { plugin: { maxSessions: 3 } })
  const devices = Array.from({ length: 5 }, () => browser(app))
  for (const device of devices) {
    await device.post('/login', { user: 'ada' })
    // The next one is later on the server's clock, too, which counts milliseconds.
    const { body } = await device.get('/me')
    const then = (await app.app.sessions.list('ada')).find(({ reference }) => reference === body['reference'])
    await until('a millisecond has passed', async () => {
      const [time] = [await command(app.link, 'time')]
      const [seconds, micros] = Array.isArray(time) ? time.map(Number) : []
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) > (then?.seen ?? 0)
    })
  }
  const statuses = []
  for (const device of devices) statuses.push((await device.get('/me')).status)
  t.same(statuses, [401, 401, 200, 200, 200], 'those that were unused for longest have made room')
  t.equal((await keysIn(app.link, 'shop:*session:*')).length, 3)
  const [user = ''] = await keysIn(app.link, 'shop:*sessions:*')
  t.equal(await command(app.link, 'hlen', user), 4, 'three and the generation')

  const [gone] = (await app.app.sessions.list('ada')).map(({ reference }) => reference)
  await command(app.link, 'del', `shop:{0}:session:${gone}`)
  t.equal((await app.app.sessions.list('ada')).length, 2)
  t.equal(
    await command(app.link, 'hlen', user),
    3,
    'a record that is gone leaves the index when it is looked at',
  )

  for (const { reference } of await app.app.sessions.list('ada'))
    await command(app.link, 'hset', user, reference, 1)
  await browser(app).post('/login', { user: 'ada' })
  t.equal(await command(app.link, 'hlen', user), 2, 'and one whose time is over at the next login')
  t.ok(Number(await command(app.link, 'pttl', user)) > 0, 'the index itself has a lifetime')
})

await test('S1 a log-out without a session is none, and costs nothing', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const used = await callsDuring(app.link, async () => {
    t.match(await browser(app).post('/logout'), { status: 200, setCookie: undefined })
    t.match(await browser(app).post('/logout-everywhere'), { status: 200, body: { ended: 0 } })
  })
  t.same(used, {})
})
