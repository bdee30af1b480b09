import { settingsOf, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import { StandardSettings } from '../../src/index.ts'

await test('C2 the README names the settings of a whole service, with their defaults', async (t) => {
  const rows = tableInReadme(new URL('../../README.md', import.meta.url), 'A whole service')
  const ours = new Set(rows.map(([name]) => name))
  t.same(
    rows.map(([name, value]) => [name, value]),
    settingsOf(StandardSettings).filter(([name]) => ours.has(name)),
  )
  t.equal(ours.size, 5)
})
