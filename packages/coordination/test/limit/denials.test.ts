import { ManualClock, recordingLogger } from '@lockstep/testing'
import fc from 'fast-check'
import { test } from 'tap'
import { Denials } from '../../src/limit/denials.ts'
import { memoryStore } from '../../src/limit/memory-store.ts'
import { type PolicyOptions, policySpec } from '../../src/limit/options.ts'
import { LimitPolicy } from '../../src/limit/policy.ts'
import type { Store } from '../../src/limit/store.ts'
import { POLICIES, schedule } from './schedules.ts'

/** A store whose every answer comes late, decided at some moment in between, by a clock of its own. */
function slowStore(options: PolicyOptions, clock: ManualClock, ahead: number) {
  const spec = policySpec(options)
  const memory = memoryStore(spec.tiers, { now: () => clock.now() + ahead })
  let asked = 0
  const store: Store = {
    ...memory,
    async ask(shard, asks, mode) {
      asked++
      clock.advance(3)
      const answers = await memory.ask(shard, asks, mode)
      clock.advance(2)
      return answers
    },
  }
  return { spec, store, asked: () => asked }
}

/** A schedule as a policy decides it, and how often the store was asked. */
async function decide(
  options: PolicyOptions,
  steps: readonly { passes: number; cost: number }[],
  denyCache: boolean,
) {
  const clock = new ManualClock()
  const { spec, store, asked } = slowStore({ ...options, denyCache, storeTimeout: '1h' }, clock, 1e9)
  const policy = new LimitPolicy(spec, store, clock, recordingLogger())
  const decisions: boolean[] = []
  let due = 0
  for (const { passes, cost } of steps) {
    // Each request at its time, whatever the one before has taken.
    due += Math.max(6, passes / 1000)
    clock.advance(due - clock.now())
    decisions.push((await policy.consume('key', { cost })).allowed)
  }
  return { decisions, asked: asked() }
}

await test('with the deny cache the answers are those without it, and the store is asked less', async (t) => {
  let saved = 0
  for (const options of POLICIES) {
    await fc.assert(
      fc.asyncProperty(schedule(policySpec(options).most, false), async (steps) => {
        const without = await decide(options, steps, false)
        const cached = await decide(options, steps, true)
        if (JSON.stringify(cached.decisions) !== JSON.stringify(without.decisions)) {
          throw new Error(
            `${JSON.stringify(cached.decisions)} instead of ${JSON.stringify(without.decisions)}`,
          )
        }
        saved += without.asked - cached.asked
      }),
      { numRuns: 60 },
    )
  }
  t.ok(saved > 100, `${saved} questions saved`)
})

await test('a refusal is remembered until what it said, counted from when it was asked for', async (t) => {
  const clock = new ManualClock()
  const { spec, store, asked } = slowStore({ name: 'a', limit: 1, window: '1s' }, clock, 0)
  const policy = new LimitPolicy(spec, store, clock, recordingLogger())
  await policy.consume('key')
  clock.advance(95)
  const refused = await policy.consume('key')
  t.equal(asked(), 2)
  clock.advance(refused.retryAfterMs - 5.1)
  t.match(await policy.consume('key'), { allowed: false, source: 'deny-cache' })
  t.equal(asked(), 2, 'Redis was not asked')
  clock.advance(0.2)
  t.match(await policy.consume('key'), { allowed: true, source: 'store' }, 'the moment it can succeed')
})

await test('refusals are of a key and a cost, are few, and go', async (t) => {
  const denials = new Denials(3)
  const answer = { at: 0, refusedBy: 0, waitMs: 10, leased: 0, leaseMs: 0, levels: [] }
  denials.add('a', 5, { answer, sent: 0 })
  t.ok(denials.find('a', 5, 9.9))
  t.notOk(denials.find('a', 4, 9.9), 'a smaller cost may succeed')
  t.notOk(denials.find('a', 5, 10))
  t.equal(denials.size, 0)
  for (const name of ['a', 'b', 'a', 'c', 'd']) denials.add(name, 1, { answer, sent: 0 })
  t.equal(denials.size, 3)
  t.same(
    ['a', 'b', 'c', 'd'].map((name) => denials.find(name, 1, 0) !== undefined),
    [true, false, true, true],
  )
  denials.add('a', 2, { answer, sent: 0 })
  denials.forget('a')
  t.notOk(denials.find('a', 1, 0) ?? denials.find('a', 2, 0))
})
