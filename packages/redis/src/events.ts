import type { Redis } from 'ioredis'
import type { Logger } from './port.ts'

/** How often each thing happened to a connection since the process started. */
export interface ConnectionCounts {
  connected: number
  ready: number
  lost: number
  restored: number
  errors: number
}

export const noCounts = (): ConnectionCounts => ({ connected: 0, ready: 0, lost: 0, restored: 0, errors: 0 })

/**
 * Logs what happens to a connection, each event once with its endpoint, and counts it (requirement C4). The attempts of
 * an outage repeat one error many times a minute: the first is logged, the rest are only counted.
 *
 * @param counts added to; the connections to the nodes of a cluster share one
 */
export function watchConnection(
  client: Redis,
  role: string,
  endpoint: string,
  logger: Logger,
  counts: ConnectionCounts = noCounts(),
): ConnectionCounts {
  const at = { role, endpoint }
  let reported = ''
  let up = false
  let known = false
  client.on('connect', () => {
    counts.connected++
  })
  client.on('ready', () => {
    counts.ready++
    if (known) counts.restored++
    logger.info(at, known ? 'redis connection restored' : 'redis connected')
    known = true
    up = true
    reported = ''
  })
  client.on('close', () => {
    if (!up) return
    up = false
    counts.lost++
    logger.warn(at, 'redis connection lost')
  })
  client.on('error', (error: Error & { code?: string }) => {
    counts.errors++
    const reason = error.code ?? error.message
    if (reason === reported) return
    reported = reason
    logger.warn({ ...at, reason }, 'redis connection error')
  })
  return counts
}
