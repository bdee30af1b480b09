import fc from 'fast-check'
import { test } from 'tap'
import { memoryStore } from '../../src/limit/memory-store.ts'
import { policySpec } from '../../src/limit/options.ts'
import { type Given, mostInWindow } from './rig.ts'
import { excess, inMemory, POLICIES, schedule, timesOf } from './schedules.ts'

const BEGIN = Date.UTC(2026, 0, 1) * 1000
const specs = POLICIES.map((options) => policySpec(options))

await test('no rolling window ever holds more than its limit', async () => {
  for (const spec of specs) {
    fc.assert(
      fc.property(
        schedule(spec.most, false),
        (steps) => excess(spec, steps, inMemory(spec, steps, BEGIN), BEGIN) <= 0,
      ),
      { numRuns: 1000 },
    )
  }
})

await test('nor when the clock of the server is set back', async () => {
  for (const spec of specs) {
    fc.assert(
      fc.property(
        schedule(spec.most, true),
        (steps) => excess(spec, steps, inMemory(spec, steps, BEGIN), BEGIN) <= 0,
      ),
      { numRuns: 1000 },
    )
  }
})

await test('a fixed window does not stand before the same oracle', async (t) => {
  const [spec = policySpec({ name: 'a', limit: 5, window: '1s' })] = specs
  const result = fc.check(
    fc.property(schedule(1, false), (steps) => {
      const used = new Map<number, number>()
      const given = timesOf(steps, BEGIN).flatMap(({ real }): Given[] => {
        const window = Math.floor(real / 1_000_000)
        const before = used.get(window) ?? 0
        used.set(window, before + 1)
        return before < 5 ? [{ at: real, permits: 1 }] : []
      })
      return mostInWindow(given, 1_000_000) <= spec.most
    }),
    { numRuns: 5000 },
  )
  t.ok(result.failed)
})

await test('a refusal says to the microsecond when the same can succeed', async () => {
  for (const spec of specs) {
    fc.assert(
      fc.property(schedule(spec.most, false), (steps) => {
        let now = BEGIN
        const store = memoryStore(spec.tiers, { now: () => now / 1000 })
        for (const { passes, cost } of steps) {
          now += passes
          const ask = { name: 'key', cost, want: 0 }
          const { refusedBy, waitMs } = store.answer(ask, 'consume')
          if (refusedBy === undefined) continue
          const moment = now + Math.round(waitMs * 1000)
          const present = now
          now = moment - 1
          if (store.answer(ask, 'peek').refusedBy === undefined) return false
          now = moment
          if (store.answer(ask, 'peek').refusedBy !== undefined) return false
          now = present
        }
        return true
      }),
      { numRuns: 300 },
    )
  }
})

await test('what is refused is not counted, and after a full rest all is free', async (t) => {
  for (const spec of specs) {
    let now = BEGIN
    const store = memoryStore(spec.tiers, { now: () => now / 1000 })
    const ask = { name: 'key', cost: spec.most, want: 0 }
    t.equal(store.answer(ask, 'consume').refusedBy, undefined)
    const first = store.answer({ ...ask, cost: 1 }, 'consume')
    for (let n = 0; n < 100; n++) store.answer({ ...ask, cost: 1 }, 'consume')
    t.same(store.answer({ ...ask, cost: 1 }, 'consume'), first, spec.name)
    now += Math.round(Math.max(...first.levels.map(({ resetMs }) => resetMs)) * 1000)
    t.ok(
      store.answer(ask, 'peek').levels.every(({ remaining }, at) => remaining === spec.tiers[at]?.most),
      spec.name,
    )
  }
})

await test('a store in memory knows no more keys than it may', async (t) => {
  const spec = policySpec({ name: 'a', limit: 1, window: '1h' })
  const store = memoryStore(spec.tiers, { now: () => 1 }, 3)
  const take = (name: string) => store.answer({ name, cost: 1, want: 0 }, 'consume').refusedBy === undefined
  t.same(['a', 'b', 'c', 'a', 'd', 'b', 'a'].map(take), [true, true, true, false, true, false, true])
})
