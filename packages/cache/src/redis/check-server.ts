import type { RedisLink } from '@lockstep/redis'
import type { Logger } from '../ports.ts'

const FLOOR = 7

/**
 * Warns about a Redis that the cache cannot keep its word on: one below 7.0, or one that may evict the keys on which the
 * guarantees rest. It never fails, and a Redis that does not say is taken as it is.
 */
export async function checkServer(link: Pick<RedisLink, 'info'>, logger: Logger): Promise<void> {
  const answers = await Promise.all(['server', 'memory'].map((section) => link.info(section).catch(() => [])))
  const info = answers.flat().join('\n')
  const versions = [...info.matchAll(/^redis_version:(\d+)\.(\S+)/gm)]
  const old = versions.find(([, major]) => Number(major) < FLOOR)
  if (old) {
    const version = `${old[1]}.${old[2]}`
    logger.error({ version }, 'this Redis is older than 7.0: the cache cannot work on it, upgrade it')
  }
  const policy = /^maxmemory_policy:(allkeys-\S+)/m.exec(info)?.[1]
  if (policy !== undefined) {
    logger.error(
      { policy },
      'this Redis may evict the control keys of the cache, and with them its guarantees: ' +
        'CONFIG SET maxmemory-policy volatile-lru',
    )
  }
}

/** Checks once, when Redis first answers. */
export function checkWhenAvailable(link: RedisLink, logger: Logger): void {
  if (link.available) {
    void checkServer(link, logger)
    return
  }
  const forget = link.onAvailable(() => {
    forget()
    void checkServer(link, logger)
  })
}
