import { LockUnavailableError } from '@lockstep/coordination'
import { faultOf } from '@lockstep/postgres'
import type { Logger } from './loop.ts'
import type { Processor } from './processor.ts'

export interface WorkerOptions {
  readonly processor: Processor
  /** The oldest orders that are to be processed, at most so many. */
  readonly oldest: (limit: number) => Promise<readonly number[]>
  /** How many orders are worked on at once. */
  readonly concurrency: number
  /** Called after each order that was processed. */
  readonly onProcessed: () => void
  readonly logger: Logger
}

/**
 * How far ahead of its own work a replica looks: it passes over the orders that others have locked, so many replicas can
 * work on the same line.
 */
const LOOK_AHEAD = 100

/**
 * One look for orders, the oldest first, worked on in lanes. An order that fails is logged, left for the next look, and
 * stops nobody; Redis or Postgres away stops the look.
 *
 * @returns the look: resolves to whether there may be more orders at once
 */
export function workerPass({ processor, oldest, concurrency, onProcessed, logger }: WorkerOptions) {
  async function work(id: number): Promise<boolean> {
    try {
      const outcome = await processor.attempt(id, 'worker')
      if (outcome === 'processed') onProcessed()
      return outcome === 'processed'
    } catch (error) {
      if (error instanceof LockUnavailableError || faultOf(error).kind === 'unavailable') throw error
      logger.warn({ err: error, order: id }, 'order not processed')
      return false
    }
  }

  return async (): Promise<boolean> => {
    const ids = await oldest(LOOK_AHEAD)
    const line = ids.values()
    let processed = 0
    const lane = async (): Promise<void> => {
      for (const id of line) if (await work(id)) processed++
    }
    const lanes = await Promise.allSettled(Array.from({ length: concurrency }, lane))
    const failed = lanes.find((ended) => ended.status === 'rejected')
    if (failed) throw failed.reason
    return processed > 0 && ids.length === LOOK_AHEAD
  }
}
