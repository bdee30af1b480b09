import Type, { type Static } from 'typebox'
import { ProblemError } from '../problem.ts'
import { parseInfo, type RedisInfo } from './redis-info.ts'

/** The sections of INFO that are shown; no other text is ever sent to Redis. */
const SECTIONS = [
  'server',
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'commandstats',
  'latencystats',
  'errorstats',
  'cluster',
  'keyspace',
] as const

export const InfoQuery = Type.Object({
  section: Type.Enum([...SECTIONS], { default: 'server', description: 'Of INFO' }),
})

export const Info = Type.Object({
  section: Type.String(),
  primaries: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
    description: 'What each primary says: numbers as numbers, and what is written a=1,b=2 as an object',
  }),
})

const Counts = Type.Object({
  connected: Type.Integer({ description: 'TCP connections made' }),
  ready: Type.Integer({ description: 'Those that came to serve commands' }),
  lost: Type.Integer(),
  restored: Type.Integer(),
  errors: Type.Integer(),
})

/** What happened to this replica's connections since it started. */
export const Connections = Type.Object({
  topology: Type.Enum(['single', 'sentinel', 'cluster']),
  endpoint: Type.String(),
  available: Type.Boolean({ description: 'Whether Redis answers, as far as is known now' }),
  commands: Counts,
  subscriber: Counts,
  topologyChanges: Type.Integer({ description: 'How often another primary took over, or slots moved' }),
})

/** @throws {ProblemError} 503 when a primary does not answer */
export async function infoOf(redis: RedisInfo, section: string): Promise<Static<typeof Info>> {
  try {
    return { section, primaries: (await redis.info(section)).map(parseInfo) }
  } catch (cause) {
    throw new ProblemError({
      status: 503,
      code: 'REDIS_UNAVAILABLE',
      title: 'Service Unavailable',
      detail: 'Redis does not answer',
      retryAfter: 1,
      cause,
    })
  }
}

export const connectionsOf = (redis: RedisInfo): Static<typeof Connections> => ({
  topology: redis.topology,
  endpoint: redis.endpoint,
  available: redis.available,
  ...redis.counts(),
})
