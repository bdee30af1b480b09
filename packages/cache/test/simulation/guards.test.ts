import t from 'tap'
import type { Guards } from '../../src/protocol/guards.ts'
import { describeBroken, runInWorkers } from './batch.ts'
import type { Profile } from './plan.ts'

interface Needed {
  readonly breaks: string
  readonly seeds: readonly number[]
  readonly profile?: Profile
}

/**
 * What breaks without each guard, and seeds that show it. When the protocol or the simulation changes, seeds mean other
 * histories: `node test/simulation/run.ts --without fence --enough 6 --most 0` finds new ones.
 * The rarest have a profile of their own.
 */
const NEEDED: Readonly<Record<keyof Guards, Needed>> = {
  fence: { breaks: 'G2', seeds: [1, 2, 5] },
  fillLease: { breaks: 'G2', seeds: [19, 42, 63] },
  l1Lease: { breaks: 'G1', seeds: [92, 434, 654] },
  replay: { breaks: 'G1', seeds: [132, 227, 248] },
  incarnation: { breaks: 'G3', seeds: [10, 65, 88, 151] },
  wallClock: { breaks: 'G1', seeds: [8, 654, 822] },
  markerStamp: { breaks: 'G2', seeds: [1, 8, 10] },
  intent: { breaks: 'G5', seeds: [53, 168, 260] },
  contended: { breaks: 'G2', seeds: [145, 163, 174] },
  historyToken: { breaks: 'G2', seeds: [10, 11, 34], profile: 'forks' },
  joinAge: { breaks: 'G5', seeds: [53, 249, 363] },
  bypass: { breaks: 'G3', seeds: [405, 543, 549] },
  youth: { breaks: 'G4', seeds: [6, 127], profile: 'orphans' },
  acknowledgement: { breaks: 'G5', seeds: [139, 668, 675] },
}

t.setTimeout(600_000)

await t.test('with all guards on, none of these seeds breaks anything', async (t) => {
  const kinds = Map.groupBy(Object.values(NEEDED), ({ profile }) => profile)
  for (const [profile, needed] of kinds) {
    const seeds = [...new Set(needed.flatMap((one) => one.seeds))]
    const report = await runInWorkers({ seeds, profile, without: [], enough: Number.POSITIVE_INFINITY }, 1)
    t.same(describeBroken(report), [])
  }
})

for (const [guard, { breaks, seeds, profile }] of Object.entries(NEEDED)) {
  await t.test(`without ${guard}, ${breaks} breaks`, async (t) => {
    const { broken } = await runInWorkers(
      { seeds, profile, without: [guard], enough: Number.POSITIVE_INFINITY },
      1,
    )
    const guarantees = new Set(
      broken.flatMap(({ violations }) => violations.map(({ guarantee }) => guarantee)),
    )
    t.ok(guarantees.has(breaks), `one of ${seeds.join()} breaks it`, { guarantees: [...guarantees] })
  })
}
