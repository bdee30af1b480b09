import type { RedisLink } from '@lockstep/redis'

/** What a Redis says of itself, over all primaries. */
export interface RedisFigures {
  readonly usedMemory: number
  readonly clients: number
  readonly keyspaceHits: number
  readonly keyspaceMisses: number
}

/** The part of a link to Redis that is asked. */
export type RedisInfo = Pick<RedisLink, 'info' | 'counts' | 'topology' | 'endpoint' | 'available'>

/** @throws what the link throws when Redis is away */
export async function figuresOf(redis: RedisInfo): Promise<RedisFigures> {
  const [memory, clients, stats] = await Promise.all(
    ['memory', 'clients', 'stats'].map((section) => redis.info(section)),
  )
  return {
    usedMemory: sum(memory, 'used_memory'),
    clients: sum(clients, 'connected_clients'),
    keyspaceHits: sum(stats, 'keyspace_hits'),
    keyspaceMisses: sum(stats, 'keyspace_misses'),
  }
}

function sum(texts: readonly string[] = [], field: string): number {
  return texts.reduce((total, text) => {
    const value = parseInfo(text)[field]
    return typeof value === 'number' ? total + value : total
  }, 0)
}

type Scalar = string | number

/** The fields of a section of INFO. A text stays one when a number would not give it back, such as `00000000`. */
export function parseInfo(text: string): Record<string, Scalar | Record<string, Scalar>> {
  const fields = text.split(/\r?\n/).flatMap((line): [string, Scalar | Record<string, Scalar>][] => {
    const colon = line.indexOf(':')
    if (line.startsWith('#') || colon < 1) return []
    return [[line.slice(0, colon), valueOf(line.slice(colon + 1))]]
  })
  return Object.fromEntries(fields)
}

/** `keys=12,expires=3` is several values in one. */
function valueOf(text: string): Scalar | Record<string, Scalar> {
  if (!/^[\w.]+=[^,=]*(?:,[\w.]+=[^,=]*)*$/.test(text)) return scalar(text)
  const parts = text.split(',').map((part): [string, Scalar] => {
    const [name = '', value = ''] = part.split('=')
    return [name, scalar(value)]
  })
  return Object.fromEntries(parts)
}

function scalar(text: string): Scalar {
  const exact = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) && Number.isFinite(Number(text))
  return exact && Math.abs(Number(text)) <= Number.MAX_SAFE_INTEGER ? Number(text) : text
}
