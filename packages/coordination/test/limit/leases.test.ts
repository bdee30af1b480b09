import { ManualClock, recordingLogger } from '@lockstep/testing'
import fc from 'fast-check'
import { test } from 'tap'
import { memoryStore } from '../../src/limit/memory-store.ts'
import { policySpec } from '../../src/limit/options.ts'
import { LimitPolicy } from '../../src/limit/policy.ts'
import type { Store } from '../../src/limit/store.ts'
import { type Given, mostInWindow } from './rig.ts'

/** Some replicas that lease from one store, over a slow network. */
function fleet(size: number, limit: number, permits: number) {
  const clock = new ManualClock()
  const spec = policySpec({ name: 'hot', limit, window: '1s', lease: { permits }, storeTimeout: '1h' })
  const memory = memoryStore(spec.tiers, clock)
  let asked = 0
  const store: Store = {
    ...memory,
    async ask(shard, asks, mode) {
      asked++
      clock.advance(2)
      const answers = await memory.ask(shard, asks, mode)
      clock.advance(3)
      return answers
    },
  }
  const replicas = Array.from({ length: size }, () => new LimitPolicy(spec, store, clock, recordingLogger()))
  return { clock, replicas, asked: () => asked }
}

await test('leased permits never make more than the limit, whenever and wherever they are spent', async (t) => {
  let leased = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ replica: fc.nat(2), passes: fc.oneof(fc.nat(3), fc.nat(3), fc.nat(120), fc.nat(1200)) }),
        {
          minLength: 20,
          maxLength: 120,
        },
      ),
      async (steps) => {
        const { clock, replicas } = fleet(3, 20, 8)
        const given: Given[] = []
        const grains = new Map<number, number>()
        for (const { replica, passes } of steps) {
          clock.advance(passes)
          const decision = await replicas[replica]?.consume('key')
          if (decision?.at !== undefined) grains.set(replica, Math.floor(decision.at / 100))
          if (decision?.source === 'lease') {
            leased++
            if (grains.get(replica) !== Math.floor(clock.now() / 100)) return false
          }
          if (decision?.allowed) given.push({ at: decision.at ?? clock.now(), permits: 1 })
        }
        return mostInWindow(given, 1000) <= 20
      },
    ),
    { numRuns: 300 },
  )
  t.ok(leased > 1000, `${leased} spent`)
})

await test('a key that is asked for often costs Redis less; one that is not is robbed of nothing', async (t) => {
  const { clock, replicas, asked } = fleet(1, 1000, 50)
  const [policy] = replicas
  for (let n = 0; n < 300; n++) {
    clock.advance(1)
    t.equal((await policy?.consume('hot'))?.allowed, true)
  }
  t.ok(asked() < 100, `${asked()} questions for 300 requests`)
  const before = (await policy?.peek('cold'))?.remaining
  clock.advance(500)
  for (let n = 0; n < 5; n++) {
    clock.advance(500)
    await policy?.consume('cold')
  }
  const now = await policy?.peek('cold')
  t.equal(before, 1000)
  t.ok((now?.remaining ?? 0) >= 997, 'nothing was leased for it')
})
