import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '@lockstep/settings'
import { ImportFault } from '../fault.ts'

/** The servers that an import works on. */
export interface FleetAddresses {
  databaseUrl: string
  redisUrl: string | undefined
  /** What to say when the database does not answer. */
  whenAway: string
}

const NOT_RUNNING = 'The fleet is not running: start it with `npm start`, or set DATABASE_URL'

/**
 * The servers named by `DATABASE_URL` and `REDIS_URL`, else those of the fleet that `npm start` runs, which writes
 * their addresses to `fleet.json` in its folder.
 *
 * @param home the fleet's folder
 * @throws {ImportFault} when neither names a database
 */
export function findFleet(env: Environment, home: string): FleetAddresses {
  const redisUrl = env['REDIS_URL'] || undefined
  if (env['DATABASE_URL']) {
    return {
      databaseUrl: env['DATABASE_URL'],
      redisUrl,
      whenAway: 'The database that DATABASE_URL names does not answer',
    }
  }
  const running = readFleetFile(join(home, 'fleet.json'))
  if (!running) throw new ImportFault('LOCKSTEP_IMPORT_NO_FLEET', NOT_RUNNING)
  return { ...running, redisUrl: redisUrl ?? running.redisUrl, whenAway: NOT_RUNNING }
}

/** A file that is absent, or half written, says that no fleet runs. */
function readFleetFile(path: string): Pick<FleetAddresses, 'databaseUrl' | 'redisUrl'> | undefined {
  try {
    const { databaseUrl, redisUrl }: Record<string, unknown> = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof databaseUrl !== 'string') return undefined
    return { databaseUrl, redisUrl: typeof redisUrl === 'string' ? redisUrl : undefined }
  } catch {
    return undefined
  }
}
