import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { browser, openApp } from './fleet.ts'

await test('S1 what happens to sessions is counted, and never by user', async (t) => {
  const server = await testRedis(t)
  const app = await openApp(t, { REDIS_URL: server.url }, { plugin: { maxBytes: 50, maxSessions: 1 } })
  const ada = browser(app)
  const counted = () =>
    Object.fromEntries(
      app.app.sessions
        .metrics()
        .filter(({ value }) => value > 0)
        .map(({ name, labels, value }) => [
          labels['reason'] ?? /sessions_(\w+)_total/.exec(name)?.[1],
          value,
        ]),
    )
  t.same(counted(), {})
  await ada.post('/save', { a: 1 })
  t.same(counted(), { created: 1 })
  await ada.post('/login', { user: 'ada' })
  t.same(counted(), { created: 2, destroyed: 1, rotated: 1 }, 'from an anonymous one')
  const old = browser(app, { ...ada.jar })
  await ada.post('/login', { user: 'ada' })
  t.same(counted(), { created: 3, destroyed: 2, rotated: 2 })
  await old.post('/save', { a: 1 })
  await browser(app, { '__Host-session': 'x' }).get('/me')
  await ada.post('/save', { text: 'x'.repeat(50) })
  t.match(counted(), { ended: 1, tampered: 1, 'too-large': 1 })
  await browser(app).post('/login', { user: 'ada' })
  t.match(counted(), { created: 4, destroyed: 3 }, 'one too many')
  await app.app.sessions.endAll('ada')
  await browser(app).post('/login', { user: 'ada', generation: '1' })
  t.same(counted(), {
    created: 4,
    destroyed: 4,
    rotated: 2,
    ended: 1,
    superseded: 1,
    tampered: 1,
    'too-large': 1,
  })
  const labels = new Set(app.app.sessions.metrics().flatMap((metric) => Object.keys(metric.labels)))
  t.same([...labels], ['reason'])
})
