import { join, resolve } from 'node:path'
import type { Database } from '@lockstep/postgres'
import type { Environment } from '@lockstep/settings'
import type { CatalogDatabase } from '../../database/schema.ts'
import { type Counts, importRows, noCounts } from '../import-rows.ts'
import { checkFile } from '../reading/check.ts'
import type { Announce } from '../writing/write-batch.ts'
import { HELP, readArguments } from './arguments.ts'
import { findFleet } from './fleet.ts'
import { openCatalog } from './open-catalog.ts'
import { ReportFile } from './report-file.ts'
import { type Output, Screen } from './screen.ts'

/** The caches of the fleet, as a writer sees them. */
export interface Caches {
  announce: Announce
  close(): Promise<void>
}

export interface RunOptions {
  args: readonly string[]
  env: Environment
  /** Relative paths of the command line start here. */
  folder: string
  /** The fleet's folder: its addresses are there, and the report unless another path is given. */
  home: string
  output: Output
  /** Milliseconds of a steady clock. */
  now: () => number
  /** Aborts when the person wants to stop: the batch at hand is finished first. */
  signal: AbortSignal
  openCaches: (redisUrl: string | undefined, database: Database<CatalogDatabase>) => Promise<Caches>
}

/** Rows a transaction: enough that round trips cost little, few enough that a lock is held for well under a second. */
const BATCH_SIZE = 500

/**
 * The whole command.
 *
 * @returns whether the file was read to its end, or a person stopped it
 * @throws {ImportFault} for a fault of the command line, the file or the servers; what was committed has been counted on
 * the output
 */
export async function runImport(options: RunOptions): Promise<'done' | 'stopped'> {
  const { env, folder, home, output, signal, now } = options
  const command = readArguments(options.args)
  if (command.kind === 'help') {
    output.write(HELP)
    return 'done'
  }
  const file = await checkFile(resolve(folder, command.file), signal)
  if (signal.aborted) return 'stopped'
  const fleet = findFleet(env, home)
  const database = await openCatalog(fleet, env)
  const caches = await options.openCaches(fleet.redisUrl, database)
  const path = command.report ? resolve(folder, command.report) : join(home, 'import-report.csv')
  let report: ReportFile | undefined
  try {
    report = await ReportFile.open(path, file.path)
    const screen = new Screen(output, file.rows, now)
    let counts: Counts = noCounts
    try {
      const { announce } = caches
      const { source } = command
      const batches = importRows({ file, db: database.db, source, announce, batchSize: BATCH_SIZE, signal })
      for await (const batch of batches) {
        counts = batch.counts
        screen.show(counts, batch.findings)
        await report.add(batch.findings)
      }
    } finally {
      screen.end(counts, path)
    }
    return counts.rows < file.rows ? 'stopped' : 'done'
  } finally {
    await report?.close()
    await caches.close()
    await database.close()
  }
}
