import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { test } from 'tap'
import { drawCharts } from '../../src/fleet/charts.ts'
import type { Phase } from '../../src/fleet/cold-warm.ts'
import { hitRateOf, latenciesOf } from '../../src/fleet/figures.ts'
import { findFleet } from '../../src/fleet/find.ts'
import { readTrace } from '../../src/fleet/trace.ts'

await test('M1 the figures of a phase', async (t) => {
  const latencies = latenciesOf([4, 2, 4, 4, 5, 5, 7, 9])
  t.match(latencies, { count: 8, mean: 5, median: 4, min: 2, max: 9, deviation: 2 })
  t.equal(latencies.percentile(95), 9)
  t.equal(latencies.percentile(75), 5)
  t.equal(hitRateOf({ l1: 1, l2: 1, source: 1, failed: 0 }), 66.67)
  t.equal(hitRateOf({ l1: 0, l2: 0, source: 0, failed: 0 }), 0)
})

await test('M1 a trace is read page by page, packed or not', async (t) => {
  const text = '10 3 0 1\n5 1 0 2\r\n\n7 2 0 3\n'
  const folder = t.testdir({ 'a.lis': text, 'bad.lis': '1 1 0 0\n2 none 0 0\n', 'empty.lis': '' })
  const packed = join(folder, 'a.lis.zst')
  writeFileSync(packed, zstdCompressSync(text))
  const pages = [10, 11, 12, 5, 7, 8]
  t.same(await readTrace(join(folder, 'a.lis'), 100), pages)
  t.same(await readTrace(packed, 100), pages)
  t.same(await readTrace(packed, 2), pages.slice(0, 2))
  const bad = join(folder, 'bad.lis')
  await t.rejects(readTrace(bad, 100), { code: 'LOCKSTEP_BENCH', message: /bad\.lis is no trace: line 2/ })
  await t.rejects(readTrace(join(folder, 'empty.lis'), 100), { message: /holds no requests/ })
  await t.rejects(readTrace(join(folder, 'none.lis'), 100), { code: 'ENOENT' })
})

await test('M1 without a fleet it says how to start one', async (t) => {
  const home = t.testdir({})
  t.throws(() => findFleet(home, {}), { code: 'LOCKSTEP_BENCH', message: /npm start/ })
  const replicas = [
    { name: 'catalog-1', url: 'http://127.0.0.1:1' },
    { name: 'users-1', url: 'http://127.0.0.1:2' },
  ]
  writeFileSync(join(home, 'fleet.json'), JSON.stringify({ gatewayUrl: 'http://localhost:8080', replicas }))
  t.throws(() => findFleet(home, {}), { message: /ADMIN_EMAIL/ })
  const env = { ADMIN_EMAIL: 'a@example.org', ADMIN_PASSWORD: 'secret' }
  t.match(findFleet(home, env), { catalogs: ['http://127.0.0.1:1'], admin: { email: 'a@example.org' } })
})

await test('M1 charts are drawn as SVG and PNG, with their words, on a machine without fonts', async (t) => {
  const phase = (name: string, times: number[]): Phase => ({
    name,
    latencies: latenciesOf(times),
    hitRate: 0,
    rate: 1,
  })
  const sources = { l1: 1, l2: 0, source: 1, failed: 0 }
  const files = drawCharts(t.testdir({}), {
    cold: phase('cold', [3, 4, 5]),
    warm: phase('warm', [1, 1, 2]),
    time: {
      clearedAt: 0.5,
      slices: [0, 0.25, 0.5].map((at) => ({ at, l1: 50, l2: 0, hitRate: 50, sources })),
    },
  })
  t.equal(files.length, 6)
  for (const file of files.filter((name) => name.endsWith('.svg'))) {
    t.match(readFileSync(file, 'utf8'), /^<svg[\s\S]*<text/)
  }
  for (const file of files.filter((name) => name.endsWith('.png'))) {
    const png = readFileSync(file)
    t.same([...png.subarray(1, 4)], [...Buffer.from('PNG')])
    t.ok(png.length > 10_000, `${png.length} bytes: there is something in it`)
  }
})
