import t from 'tap'
import { describeBroken, runInWorkers, seedsFrom, sorted } from './batch.ts'
import { simulate } from './simulate.ts'

/** More with LOCKSTEP_SEEDS, and others with LOCKSTEP_FROM. */
const SEEDS = Number(process.env['LOCKSTEP_SEEDS'] ?? 20_000)
const FROM = Number(process.env['LOCKSTEP_FROM'] ?? 1)

/** What must have been met somewhere in a run of this length, or it proves nothing. */
const MET = [
  'calm',
  'died in a write',
  'fenced',
  'flushes',
  'l1Hits',
  'l2Hits',
  'lease entry',
  'lease granted',
]
MET.push('lease uncacheable', 'lease wait', 'not promised', 'promised', 'put stored', 'replay', 'rotation')
MET.push('set invalidated', 'set refused', 'set stored', 'staleHits')

t.setTimeout(600_000)

await t.test('the guarantees hold under every seed', async (t) => {
  const began = performance.now()
  const report = await runInWorkers({ seeds: seedsFrom(FROM, SEEDS), without: [], enough: 3 }, 2)
  const seconds = (performance.now() - began) / 1000
  t.comment(
    `${report.seeds} seeds in ${seconds.toFixed(1)} s, ${(report.seeds / seconds).toFixed(0)} a second`,
  )
  for (const [what, seeds] of sorted(report.met)) t.comment(`${what}: in ${seeds} seeds`)
  t.same(describeBroken(report), [])
  const missing = MET.filter((what) => !report.met.has(what))
  t.same(missing, [], 'and everything was met on the way')
})

await t.test('nor does a load that outlasts its readers break them', async (t) => {
  const seeds = seedsFrom(FROM, Math.ceil(SEEDS / 25))
  const report = await runInWorkers({ seeds, without: [], enough: 3, profile: 'outlasted' }, 2)
  t.same(describeBroken(report), [])
  t.ok((report.met.get('staleHits') ?? 0) > seeds.length / 2, 'most were given something stale')
})

await t.test('a seed always does the same', async (t) => {
  for (const seed of [3, 17, 58]) {
    const one = await simulate(seed, { trace: true })
    const other = await simulate(seed, { trace: true })
    t.same(one.trace, other.trace)
    t.equal(one.hash, other.hash)
    t.equal((await simulate(seed)).hash, one.hash, 'whether it is traced or not')
    t.not((await simulate(seed + 1)).hash, one.hash)
  }
})
