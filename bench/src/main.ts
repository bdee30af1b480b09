import { parseArgs } from 'node:util'
import { cold } from './cold.ts'
import { l1 } from './l1.ts'
import { l2 } from './l2.ts'
import { limit } from './limit.ts'
import { locks } from './locks.ts'
import { replicas } from './replicas.ts'
import { route } from './route.ts'
import { load, type Row, tableOf } from './table.ts'
import { writes } from './writes.ts'

/**
 * What the cache costs: everything beside a floor that was measured in the same run, in turns. `--only l2` measures one
 * topic. Nothing is asserted, for the figures are the machine's as much as ours.
 */
const TOPICS = { l1, l2, cold, writes, replicas, route, locks, limit }

const { only } = parseArgs({ options: { only: { type: 'string' } } }).values
const chosen = Object.entries(TOPICS).filter(([name]) => only === undefined || name === only)
if (chosen.length === 0) throw new RangeError(`--only takes one of ${Object.keys(TOPICS).join(', ')}`)

const rows: Row[] = []
process.stderr.write(`${load()}\n`)
for (const [name, topic] of chosen) {
  process.stderr.write(`${name} …\n`)
  rows.push(...(await topic()))
}
process.stdout.write(`${tableOf(rows)}\n`)
