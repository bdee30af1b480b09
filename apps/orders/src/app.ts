import { createLocks } from '@lockstep/coordination'
import { openService } from '@lockstep/fastify'
import { openDatabase } from '@lockstep/postgres'
import { openMessages, systemClock } from '@lockstep/redis'
import type { FastifyInstance } from 'fastify'
import { ordersCaches } from './caches.ts'
import type { OrdersSettings } from './config.ts'
import type { OrdersDatabase } from './database/schema.ts'
import { complete, takeAnnouncements } from './orders/announcing.ts'
import { createOrders } from './orders/orders.ts'
import { oldestPlaced } from './orders/reading.ts'
import { translate } from './problems.ts'
import { announcerPass } from './processing/announcer.ts'
import { createLoop } from './processing/loop.ts'
import { createProcessor } from './processing/processor.ts'
import { workerPass } from './processing/worker.ts'
import { orderRoutes } from './routes/orders.ts'
import { stockRoutes } from './routes/stock.ts'
import { activityAt } from './shop/activity.ts'
import { catalogAt } from './shop/catalog.ts'
import { serviceToken } from './shop/service-token.ts'
import { findStock } from './stock/repository.ts'
import { createShelf } from './stock/shelf.ts'

/**
 * Puts orders together; it does not listen. Neither Redis nor Postgres need be there (requirement C3). The worker and the
 * announcer begin when it listens.
 */
export function createApp(settings: OrdersSettings): FastifyInstance {
  const service = openService({
    name: 'orders',
    title: 'Lockstep orders',
    description: 'Orders of the shop, each processed once, and its stock, never oversold',
    settings,
    translate,
    checks: [
      {
        name: 'postgres',
        description: 'Where orders and stock are kept',
        whenDown: 'unhealthy',
        check: () => database.ping(),
      },
    ],
    onClosed: () => database.close(),
  })
  const { app, id: replica, redis, cache, tokens } = service
  const logger = app.log
  const database = openDatabase<OrdersDatabase>(settings, replica, logger)
  const { db } = database
  const locks = createLocks({ redis, prefix: settings.KEY_PREFIX, logger })
  const messages = openMessages(redis, { logger })

  const { SHOP_URL: shop, SHOP_TIMEOUT: attempt, STOCK_INITIAL: initialStock } = settings
  const catalog = catalogAt(shop, attempt)
  const activity = activityAt(
    shop,
    attempt,
    serviceToken(tokens, 'orders', () => performance.now()),
  )
  const caches = ordersCaches(cache, { catalog, findStock: (bookId) => findStock(db, bookId) }, settings)

  const processor = createProcessor({ db, locks, replica, ttl: settings.ORDERS_LOCK_TTL, logger })
  const patience = { attempt, first: settings.ANNOUNCE_RETRY, longest: settings.ANNOUNCE_RETRY_MAX }
  const loop = { every: settings.ORDERS_POLL, logger, clock: systemClock }
  const announcer = createLoop({
    ...loop,
    name: 'announcing',
    pass: announcerPass({
      activity,
      take: (limit) => takeAnnouncements(db, limit, patience),
      complete: (id) => complete(db, id, { actor: 'worker', replica }),
    }),
  })
  const worker = createLoop({
    ...loop,
    name: 'processing',
    pass: workerPass({
      processor,
      oldest: (limit) => oldestPlaced(db, limit),
      concurrency: settings.ORDERS_CONCURRENCY,
      onProcessed: announcer.wake,
      logger,
    }),
  })
  const placed = `${settings.KEY_PREFIX}:orders.placed`
  // A message that is lost costs a moment: the worker looks by itself now and then.
  const onPlaced = () => void messages.publish(placed, {}).catch(() => {})
  const orders = createOrders({ db, cache, caches, replica, initialStock, onPlaced })

  app.addHook('onListen', async () => {
    if (settings.ORDERS_CONCURRENCY === 0) return
    announcer.start()
    worker.start()
    messages.subscribe(placed, () => undefined, worker.wake, { up: worker.wake })
  })
  // Before Redis and the database are closed, which were opened earlier.
  app.addHook('onClose', async () => {
    await messages.close()
    await worker.stop()
    await announcer.stop()
    await locks.close()
  })

  app.register(orderRoutes, { orders, processor })
  app.register(stockRoutes, { shelf: createShelf(db, cache, caches) })
  return app
}
