import type { Replicas } from './exchange.ts'
import type { Upstreams } from './upstreams.ts'

/**
 * Asks every replica, again and again, whether it is ready. So a replica that drains gets no new requests before it
 * closes, and one that comes back is used again.
 *
 * @param interval milliseconds between two questions to one replica
 * @returns how to stop
 */
export function probe(upstreams: Upstreams, replicas: Replicas, interval: number): () => void {
  const stop = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  const ask = async (address: string) => {
    const found = await stateOf(address, replicas, Math.max(interval, 1000))
    if (stop.signal.aborted) return
    if (found === 'silent') upstreams.silent(address)
    else upstreams.mark(address, found === 'ready')
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

async function stateOf(
  address: string,
  replicas: Replicas,
  timeout: number,
): Promise<'ready' | 'not ready' | 'silent'> {
  const found = await replicas.read(address, '/readyz', timeout)
  if (found === undefined) return 'silent'
  return isOk(found.status) ? 'ready' : 'not ready'
}

const isOk = (status: number) => status >= 200 && status < 300
