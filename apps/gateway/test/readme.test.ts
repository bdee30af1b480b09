import { codesIn, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import { readConfig } from '../src/config.ts'

const readme = new URL('../README.md', import.meta.url)

await test('the README names every setting of its own with its default, and no other', async (t) => {
  const GATEWAY_SERVICES = '[{"name":"catalog","prefixes":["/"],"upstreams":["http://127.0.0.1:4001"]}]'
  const config = readConfig({ GATEWAY_SERVICES })
  const rows = tableInReadme(readme, 'Settings')
  const names = Object.keys(config).filter((name) => name.startsWith('GATEWAY_'))
  const named = rows.map(([name = '']) => name)
  t.same(named.toSorted(), names.toSorted())
  const defaults = Object.fromEntries(rows.map(([name = '', value]) => [name, value]))
  t.same(readConfig({ ...defaults, GATEWAY_SERVICES }), config, 'to set what is the default changes nothing')
})

await test('the README names every error code, and no other', async (t) => {
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})
