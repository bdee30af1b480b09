import { createLocks } from '@lockstep/coordination'
import { type Logger, openMessages, type RedisLink, systemClock } from '@lockstep/redis'
import type { Kysely } from 'kysely'
import type { OrdersSettings } from '../config.ts'
import type { OrdersDatabase } from '../database/schema.ts'
import { complete, takeAnnouncements } from '../orders/announcing.ts'
import { oldestPlaced } from '../orders/reading.ts'
import type { Activity } from '../shop/activity.ts'
import { announcerPass } from './announcer.ts'
import { createLoop } from './loop.ts'
import { createProcessor, type Processor } from './processor.ts'
import { workerPass } from './worker.ts'

/** What a process does with orders beside answering requests. */
export interface Processing {
  readonly processor: Processor
  /** The worker and the announcer begin. */
  readonly start: () => void
  /** An order was placed: the workers of all replicas look for it. */
  readonly placed: () => void
  /** Ends what is under way, and gives back its locks. */
  readonly close: () => Promise<void>
}

export interface ProcessingOptions {
  readonly db: Kysely<OrdersDatabase>
  readonly redis: RedisLink
  readonly activity: Activity
  /** Names this process in the history. */
  readonly replica: string
  readonly settings: OrdersSettings
  readonly logger: Logger
}

/** Puts worker and announcer together: the one moves orders to `processed` and wakes the other, which completes them. */
export function openProcessing(options: ProcessingOptions): Processing {
  const { db, redis, activity, replica, settings, logger } = options
  const prefix = settings.KEY_PREFIX
  const locks = createLocks({ redis, prefix, logger })
  const messages = openMessages(redis, { logger })
  const channel = `${prefix}:orders.placed`
  const processor = createProcessor({ db, locks, replica, ttl: settings.ORDERS_LOCK_TTL, logger })
  const looking = { every: settings.ORDERS_POLL, logger, clock: systemClock }
  const patience = {
    attempt: settings.SHOP_TIMEOUT,
    first: settings.ANNOUNCE_RETRY,
    longest: settings.ANNOUNCE_RETRY_MAX,
  }
  const announcer = createLoop({
    ...looking,
    name: 'announcing',
    pass: announcerPass({
      activity,
      take: (limit) => takeAnnouncements(db, limit, patience),
      complete: (id) => complete(db, id, { actor: 'worker', replica }),
    }),
  })
  const worker = createLoop({
    ...looking,
    name: 'processing',
    pass: workerPass({
      processor,
      oldest: (limit) => oldestPlaced(db, limit),
      concurrency: settings.ORDERS_CONCURRENCY,
      onProcessed: announcer.wake,
      logger,
    }),
  })

  return {
    processor,
    start() {
      if (settings.ORDERS_CONCURRENCY === 0) return
      announcer.start()
      worker.start()
      messages.subscribe(channel, () => undefined, worker.wake, { up: worker.wake })
    },
    placed() {
      // One that is lost costs a moment: workers look by themselves now and then.
      messages.publish(channel, {}).catch(() => {})
    },
    async close() {
      await messages.close()
      await worker.stop()
      await announcer.stop()
      await locks.close()
    },
  }
}
