import { tableInReadme, testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { LIMIT_OPTIONS } from '../../src/limit/options.ts'
import { openApp } from './rig.ts'

const readme = new URL('../../README.md', import.meta.url)

await test('the README names every option of a limit, and every metric', async (t) => {
  const options = tableInReadme(readme, 'Limit options').flatMap(([names = '']) => names.split(', '))
  t.same(options, [...LIMIT_OPTIONS])
  const redis = await testRedis(t)
  const { limiter } = await openApp(t, redis.url)
  const rows = tableInReadme(readme, 'Limit metrics').map(([name]) => name)
  t.same(rows, [...new Set(limiter.metrics().map(({ name }) => name))])
})
