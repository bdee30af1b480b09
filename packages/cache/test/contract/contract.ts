import type { Test } from 'tap'
import { historyCases } from './history.ts'
import { intentCases } from './intents.ts'
import { invalidationCases } from './invalidations.ts'
import { leaseCases } from './leases.ts'
import { type Bench, benchOf, type MakeSubject } from './material.ts'
import { messageCases } from './messages.ts'
import { setCases } from './sets.ts'

/** One thing that a store must do, by what it is. */
export type Cases = Readonly<Record<string, (t: Test, bench: Bench) => Promise<void>>>

/** What every store and its bus must do, whatever is behind them. Each case gets a subject of its own. */
export async function storeContract(t: Test, make: MakeSubject): Promise<void> {
  const all = [leaseCases, invalidationCases, setCases, intentCases, historyCases, messageCases]
  for (const cases of all) {
    for (const [title, check] of Object.entries(cases)) {
      await t.test(title, async (t) => check(t, await benchOf(t, make)))
    }
  }
}
