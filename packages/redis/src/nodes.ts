import type { Redis } from 'ioredis'
import { RedisUnavailableError } from './breaker.ts'
import { inTime } from './shards.ts'

/** Keys that one page of a scan looks at. */
const PAGE = 500

/** The section of INFO of each node. @throws {RedisUnavailableError} */
export async function infoOf(nodes: readonly Redis[], section: string, timeout: number): Promise<string[]> {
  refuseNone(nodes)
  return Promise.all(nodes.map((node) => inTime(node.info(section), timeout)))
}

/** The keys on each node that match, in pages. @throws {RedisUnavailableError} */
export async function* scanOf(
  nodes: readonly Redis[],
  match: string,
  timeout: number,
): AsyncGenerator<string[]> {
  refuseNone(nodes)
  for (const node of nodes) {
    let cursor = '0'
    do {
      const [next, keys] = await inTime(node.scan(cursor, 'MATCH', match, 'COUNT', PAGE), timeout)
      if (keys.length > 0) yield keys
      cursor = next
    } while (cursor !== '0')
  }
}

/** Asks each of them whether it lives. @throws {RedisUnavailableError} when one does not answer in time */
export async function pingAll(nodes: readonly Redis[], timeout: number): Promise<void> {
  refuseNone(nodes)
  await Promise.all(nodes.map((node) => inTime(node.ping(), timeout)))
}

/** Says good-bye to a server that listens, and just leaves one that does not. */
export async function quit(client: Redis): Promise<void> {
  if (client.status === 'ready') await client.quit().catch(() => {})
  client.disconnect()
}

function refuseNone(nodes: readonly Redis[]): void {
  if (nodes.length === 0) throw new RedisUnavailableError()
}
