import type { RedisLink } from '@lockstep/redis'
import type { Logger, Transport } from '../ports.ts'
import { redisBus } from './bus.ts'
import { checkWhenAvailable } from './check-server.ts'
import { redisStore } from './store.ts'

/**
 * L2 in Redis, and its channels.
 *
 * @param options.prefix begins every key and names the instance; others on the same Redis are not disturbed
 * @param options.logger is told once when this Redis cannot keep the cache's guarantees
 */
export function redisTransport(link: RedisLink, options: { prefix: string; logger?: Logger }): Transport {
  const { prefix, logger } = options
  if (logger) checkWhenAvailable(link, logger)
  return { prefix, store: redisStore(link, prefix), bus: redisBus(link, prefix) }
}
