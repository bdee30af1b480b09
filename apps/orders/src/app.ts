import { openService } from '@lockstep/fastify'
import { openDatabase } from '@lockstep/postgres'
import type { FastifyInstance } from 'fastify'
import { ordersCaches } from './caches.ts'
import type { OrdersSettings } from './config.ts'
import type { OrdersDatabase } from './database/schema.ts'
import { createOrders } from './orders/orders.ts'
import { translate } from './problems.ts'
import { openProcessing } from './processing/processing.ts'
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

  const { SHOP_URL: shop, SHOP_TIMEOUT: timeout } = settings
  const catalog = catalogAt(shop, timeout)
  const activity = activityAt(
    shop,
    timeout,
    serviceToken(tokens, 'orders', performance.now.bind(performance)),
  )
  const caches = ordersCaches(cache, { catalog, findStock: (bookId) => findStock(db, bookId) }, settings)
  const processing = openProcessing({ db, redis, activity, replica, settings, logger })
  const orders = createOrders({
    db,
    cache,
    caches,
    replica,
    initialStock: settings.STOCK_INITIAL,
    onPlaced: processing.placed,
  })
  app.addHook('onListen', async () => processing.start())
  // Runs before Redis and the database are closed, which were opened earlier.
  app.addHook('onClose', () => processing.close())

  app.register(orderRoutes, { orders, processor: processing.processor })
  app.register(stockRoutes, { shelf: createShelf(db, cache, caches) })
  return app
}
