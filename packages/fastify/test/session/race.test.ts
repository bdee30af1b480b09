import { testRedis } from '@lockstep/testing'
import { type Test, test } from 'tap'
import type { Session } from '../../src/index.ts'
import { type App, browser, openApp } from './fleet.ts'
import { keysIn } from './redis.ts'

const required = { config: { session: 'required' } } as const

/** A request that has read its session and then waits, while the test goes on; it ends with what `then` does. */
async function underWay(t: Test, url: string, then: (session: Session) => Promise<unknown>) {
  const server = await testRedis(t)
  const arrived = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const app = await openApp(
    t,
    { REDIS_URL: server.url },
    {
      routes: (routes) =>
        routes.post(url, required, async ({ session }) => {
          arrived.resolve()
          await gate.promise
          await then(session)
          return { user: session.user ?? null }
        }),
    },
  )
  const ada = browser(app)
  await ada.post('/login', { user: 'ada', data: { n: 1 } })
  const old = browser(app, { ...ada.jar })
  const held = { ...ada.jar }
  const answer = old.post(url)
  await arrived.promise
  return { app, ada, old, held, finish: () => (gate.resolve(), answer) }
}

const records = async ({ link }: App) => (await keysIn(link, 'shop:*session:*')).length

for (const [what, then] of [
  ['saves', (session: Session) => session.save({ n: 2 })],
  ['logs in again', (session: Session) => session.login('ada', { n: 2 })],
] as const) {
  await test(`S1 a request under way that ${what} does not bring back what a log-out removed`, async (t) => {
    const { app, ada, held, finish } = await underWay(t, '/slow', then)
    await ada.post('/logout')
    const late = await finish()
    t.match(late, { status: 401, body: { code: 'SESSION_ENDED' }, setCookie: undefined })
    t.match(late.headers, { 'www-authenticate': /^Cookie / })
    t.match(await browser(app, { ...held }).get('/me'), { status: 401 })
    t.equal(await records(app), 0)
  })

  await test(`S1 nor what a log-out everywhere removed, when it ${what}`, async (t) => {
    const { app, held, finish } = await underWay(t, '/slow', then)
    const desk = browser(app)
    await desk.post('/login', { user: 'ada' })
    t.match(await desk.post('/logout-everywhere'), { status: 200, body: { ended: 2 } })
    t.match(await finish(), { status: 401, body: { code: 'SESSION_ENDED' }, setCookie: undefined })
    t.match(await browser(app, { ...held }).get('/me'), { status: 401 })
    t.equal(await records(app), 0)
  })

  await test(`S1 one that ${what} during a rotation revives nothing, and the new id stays`, async (t) => {
    const { app, ada, old, held, finish } = await underWay(t, '/slow', then)
    await ada.post('/login', { user: 'ada', data: { n: 3 } })
    t.match(await finish(), { status: 401, body: { code: 'SESSION_ENDED' }, setCookie: undefined })
    t.same(old.jar, held, 'its answer leaves the cookies alone')
    t.match(await browser(app, { ...held }).get('/me'), { status: 401 })
    t.match(await ada.get('/me'), { status: 200, body: { user: 'ada', data: { n: 3 } } })
  })
}

await test('S1 one that logs out with the old id during a rotation does not take the new one from the browser', async (t) => {
  const { ada, finish } = await underWay(t, '/slow', (session) => session.logOut())
  await ada.post('/login', { user: 'ada' })
  t.match(await finish(), { status: 401, body: { code: 'SESSION_ENDED' }, setCookie: undefined })
  t.match(await ada.get('/me'), { status: 200 })
})

await test('S1 a request with the old id that comes after a rotation says nothing of cookies', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const ada = browser(app)
  for (const before of [() => ada.post('/save', { cart: 1 }), () => ada.post('/login', { user: 'bob' })]) {
    await before()
    const old = browser(app, { ...ada.jar })
    await ada.post('/login', { user: 'ada' })
    t.match(await old.get('/me'), { status: 401, setCookie: undefined })
    t.match(await old.get('/maybe'), { status: 200, setCookie: undefined })
    t.match(await old.post('/logout'), { status: 401, setCookie: undefined })
    t.match(await old.post('/save', { cart: 2 }), { status: 401, setCookie: undefined })
    t.match(await ada.get('/me'), { status: 200, body: { user: 'ada' } })
  }
})

await test('S1 a login whose password was checked before a log-out everywhere is refused after it', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url })
  const { sessions } = app.app
  const generation = await sessions.generation('ada')
  t.match(await browser(app).post('/login', { user: 'ada', generation }), { status: 200 })
  t.equal(await sessions.generation('ada'), generation, 'logins do not change it')
  await sessions.endAll('ada')
  const late = await browser(app).post('/login', { user: 'ada', generation })
  t.match(late, { status: 409, body: { code: 'SESSION_SUPERSEDED' }, setCookie: undefined })
  t.equal(await records(app), 0)
  const now = await sessions.generation('ada')
  t.ok(Number(now) > Number(generation))
  t.match(await browser(app).post('/login', { user: 'ada', generation: now }), { status: 200 })
})
