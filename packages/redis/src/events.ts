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

/**
 * Logs what happens to a connection, each event once with its endpoint, and counts it (requirement C4). The attempts of
 * an outage repeat one error many times a minute: the first is logged, the rest are only counted.
 */
export function watchConnection(
  client: Redis,
  role: string,
  endpoint: string,
  logger: Logger,
): ConnectionCounts {
  const counts: ConnectionCounts = { connected: 0, ready: 0, lost: 0, restored: 0, errors: 0 }
  const at = { role, endpoint }
  let reported = ''
  let up = false
  client.on('connect', () => {
    counts.connected++
  })
  client.on('ready', () => {
    const restored = counts.ready++ > 0
    if (restored) counts.restored++
    up = true
    reported = ''
    logger.info(at, restored ? 'redis connection restored' : 'redis connected')
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
