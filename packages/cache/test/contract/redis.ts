import { keySpace, type RedisLink } from '@lockstep/redis'
import { redisTransport } from '../../src/redis/transport.ts'
import type { MakeSubject } from './material.ts'

let made = 0

/** Two clients of one Redis, under another prefix for each case. */
export function subjectsOn(links: readonly RedisLink[]): MakeSubject {
  return async () => {
    const [one, other] = links
    if (!one || !other) throw new Error('two links are needed')
    for (const link of links) {
      if (!(await link.whenAvailable(30_000))) throw new Error(`${link.endpoint} does not answer`)
    }
    const prefix = `shop${made++}`
    return {
      one: redisTransport(one, { prefix }),
      other: redisTransport(other, { prefix }),
      async loseHead(shard) {
        await one.run((redis) => redis.del(keySpace(prefix, one.shards).head(shard)), shard)
      },
    }
  }
}
