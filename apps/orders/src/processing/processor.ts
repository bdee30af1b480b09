import type { FencedLock, Locks } from '@lockstep/coordination'
import { fenced, StaleFenceError } from '@lockstep/postgres'
import type { Kysely } from 'kysely'
import type { OrdersDatabase } from '../database/schema.ts'
import { move } from '../orders/moving.ts'
import type { Logger } from './loop.ts'

/**
 * What became of an attempt to process an order. `busy`: somebody else is at it, or was before this process, which had lost
 * the lock, could write. `not-placed`: it was processed or cancelled before.
 */
export type Outcome = 'processed' | 'not-placed' | 'busy'

/**
 * Processes an order once, whatever becomes of those who try (requirement S4).
 *
 * The lock keeps replicas from working on the same order; it cannot keep a process that was paused past its lease from
 * writing when it wakes up. So what is written carries the lock's fence, and Postgres refuses it when a later holder has
 * written: that, and not the lease, decides. A replica that dies leaves nothing behind but a lock, which ends by itself.
 */
export interface Processor {
  /**
   * Unless somebody else is at it.
   *
   * @throws {LockUnavailableError} when Redis does not answer
   */
  attempt(id: number, actor: string): Promise<Outcome>
  /**
   * Waits for its turn.
   *
   * @throws {LockTimeoutError} when it does not come, also because Redis does not answer
   */
  process(id: number, actor: string): Promise<Outcome>
}

export interface ProcessorOptions {
  readonly db: Kysely<OrdersDatabase>
  readonly locks: Locks<FencedLock>
  /** Names this process in the history. */
  readonly replica: string
  /** Milliseconds that a lock outlives a process that died with it. */
  readonly ttl: number
  readonly logger: Logger
}

/** The longest that somebody waits who has an order processed by hand. */
const PATIENCE = '3s'

export function createProcessor({ db, locks, replica, ttl, logger }: ProcessorOptions): Processor {
  async function write(id: number, { fence }: FencedLock, actor: string): Promise<Outcome> {
    try {
      return await fenced(db, { resource: nameOf(id), fence }, async (trx) => {
        const moved = await move(trx, { id, from: 'placed', to: 'processed' }, { actor, replica, fence })
        return moved ? 'processed' : 'not-placed'
      })
    } catch (error) {
      if (!(error instanceof StaleFenceError)) throw error
      logger.warn({ err: error, order: id }, 'came too late: a later holder of the lock has written')
      return 'busy'
    }
  }

  return {
    async attempt(id, actor) {
      await using lock = await locks.tryAcquire(nameOf(id), { ttl })
      return lock === null ? 'busy' : await write(id, lock, actor)
    },
    async process(id, actor) {
      await using lock = await locks.acquire(nameOf(id), { ttl, wait: PATIENCE })
      return await write(id, lock, actor)
    },
  }
}

const nameOf = (id: number) => `order:${id}`
