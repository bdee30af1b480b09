import type { Upstreams } from './upstreams.ts'

/**
 * Asks every replica, again and again, whether it is ready. So a replica that drains gets no new requests before it
 * closes, and one that comes back is used again.
 *
 * @param interval milliseconds between two questions to one replica
 * @returns how to stop
 */
export function probe(upstreams: Upstreams, interval: number): () => void {
  const stop = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  const ask = async (address: string) => {
    const ready = await isReady(address, Math.max(interval, 1000))
    if (stop.signal.aborted) return
    upstreams.mark(address, ready)
    const timer = setTimeout(() => {
      timers.delete(timer)
      void ask(address)
    }, interval)
    timers.add(timer)
  }
  for (const address of upstreams.all) void ask(address)
  return () => {
    stop.abort()
    for (const timer of timers) clearTimeout(timer)
  }
}

async function isReady(address: string, timeout: number): Promise<boolean> {
  try {
    const response = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(timeout) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
