import type { Database } from '@lockstep/postgres'
import { type Clock, systemClock } from '@lockstep/redis'
import { sql } from 'kysely'
import type { UsersDatabase } from '../database/schema.ts'

/** What ends everything that a user is logged in with: `app.sessions`. */
export interface LoginEnder {
  endAll(user: string): Promise<number>
  /** Rejects when logins can not be ended now. */
  generation(user: string): Promise<string>
}

/**
 * Log-outs that follow from a change of an account: another password, other roles, its end. They are written in the same
 * transaction as the change, and so are done though the replica dies right after the commit: another one finds them.
 */
export interface LogOuts {
  /** Asked before a change that calls for one. @throws {ProblemError} 503 when Redis does not answer */
  assertPossible(user: number): Promise<void>
  /** Does the one that a change has written. One that fails now is done later. */
  settle(logOut: number, user: number): Promise<void>
  /** Does what replicas that died, or lost Redis, have left. Resolves to how many. */
  sweep(): Promise<number>
  /** Sweeps every few seconds from now on, until closed. */
  start(): void
  close(): Promise<void>
}

/** Younger ones are left to the replica that wrote them: else a login right after a change might be ended, too. */
const ORPHANED_AFTER = '10 seconds'
const SWEEP_EVERY_MS = 5000
const AT_A_TIME = 100

export function createLogOuts(
  { db }: Pick<Database<UsersDatabase>, 'db'>,
  ender: LoginEnder,
  logger: { warn(details: object, message: string): void },
  clock: Clock = systemClock,
): LogOuts {
  let cancel: (() => void) | undefined
  let sweeping: Promise<void> = Promise.resolve()
  let closed = false
  let failing = false

  const sweep = () =>
    db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ user_id: number }>`
        delete from user_log_outs where id in (
          select id from user_log_outs where decided_at < now() - ${ORPHANED_AFTER}::interval
          order by id limit ${AT_A_TIME} for update skip locked)
        returning user_id`.execute(trx)
      for (const user of new Set(rows.map((row) => row.user_id))) await ender.endAll(String(user))
      return rows.length
    })

  function start(): void {
    cancel = clock.after(SWEEP_EVERY_MS, () => {
      sweeping = again()
    })
  }

  async function again(): Promise<void> {
    try {
      await sweep()
      failing = false
    } catch (error) {
      if (!failing) logger.warn({ reason: reasonOf(error) }, 'log-outs that are owed wait')
      failing = true
    }
    if (!closed) start()
  }

  return {
    assertPossible: async (user) => void (await ender.generation(String(user))),
    async settle(logOut, user) {
      try {
        await ender.endAll(String(user))
        await db.deleteFrom('user_log_outs').where('id', '=', logOut).execute()
      } catch (error) {
        logger.warn({ user, reason: reasonOf(error) }, 'a log-out is owed')
      }
    },
    sweep,
    start,
    async close() {
      closed = true
      cancel?.()
      await sweeping
    },
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
