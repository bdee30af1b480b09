import { settingsOf, tableInReadme, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { SessionSettings } from '../../src/index.ts'
import { openApp } from './fleet.ts'

const readme = new URL('../../README.md', import.meta.url)

await test('the README names every setting of sessions with its default, and every metric', async (t) => {
  const settings = tableInReadme(readme, 'Session settings').map(([name, value]) => [name, value])
  t.same(settings, settingsOf(SessionSettings))
  const server = await testRedis(t)
  const { app } = await openApp(t, { REDIS_URL: server.url })
  const metrics = app.sessions.metrics()
  const rows = tableInReadme(readme, 'Session metrics')
  t.same(
    rows.map(([name]) => name),
    [...new Set(metrics.map(({ name }) => name))],
  )
  const reasons = metrics.flatMap(({ labels }) => labels['reason'] ?? [])
  t.equal(rows.at(-1)?.[1], `By reason: ${reasons.join(', ')}`)
})
