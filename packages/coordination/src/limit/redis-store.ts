import { type KeySpace, type RedisLink, runScript, type Script } from '@lockstep/redis'
import { LimitReplyError } from './errors.ts'
import type { Answer, Ask, Level, Store } from './store.ts'
import { lifetimeOf, type Tier } from './tiers.ts'

/**
 * The meters of a policy in Redis: one key for all tiers of what is limited, one script for many of them.
 *
 * @param policy its name, for errors
 */
export function redisStore(
  link: Pick<RedisLink, 'run'>,
  keys: KeySpace,
  policy: string,
  tiers: readonly Tier[],
  script: Script<unknown>,
): Store {
  const numbers = [lifetimeOf(tiers), tiers.length, ...tiers.flatMap((tier) => tier.numbers)]
  return {
    shards: keys.shards,
    shardOf: (name) => keys.shardOf(name),
    ask(shard, asks, mode) {
      const items = itemsOf(asks)
      const meters = items.map(({ name }) => keys.of('limit', name))
      const args = [mode, ...numbers, ...items.map(({ text }) => text)]
      return link
        .run((redis) => runScript(redis, script, meters, args), shard)
        .then((reply) => answersIn(reply, policy, tiers.length, asks, items))
    },
    async forget(name) {
      await link.run((redis) => redis.del(keys.of('limit', name)), keys.shardOf(name))
    },
  }
}

/** What one key is asked for, in turn, and by which of the askings. */
interface Item {
  readonly name: string
  text: string
  readonly places: number[]
}

const textOf = ({ cost, want }: Ask): string => (want === 0 ? `${cost}` : `${cost}+${want}`)

/** One of each name, in the order of the first asking. */
function itemsOf(asks: readonly Ask[]): Item[] {
  const items: Item[] = []
  const byName = new Map<string, Item>()
  for (const [place, ask] of asks.entries()) {
    const known = byName.get(ask.name)
    if (known === undefined) {
      const item = { name: ask.name, text: textOf(ask), places: [place] }
      byName.set(ask.name, item)
      items.push(item)
    } else {
      known.text += `,${textOf(ask)}`
      known.places.push(place)
    }
  }
  return items
}

/** Reads the numbers of batch.lua one by one. */
function answersIn(
  reply: unknown,
  policy: string,
  tiers: number,
  asks: readonly Ask[],
  items: readonly Pick<Item, 'places'>[],
): (Answer | Error)[] {
  if (!Array.isArray(reply)) throw new LimitReplyError(policy, 'the script did not answer with a list')
  const values: readonly unknown[] = reply
  const answers: (Answer | Error)[] = Array.from({ length: asks.length })
  let next = 0
  const number = (): number => {
    const value = values[next++]
    if (typeof value === 'number') return value
    throw new LimitReplyError(policy, `it answered ${JSON.stringify(value)} where a number was expected`)
  }
  const at = number() / 1000
  const shortlyFree = number() / 1000
  for (const { places } of items) {
    const failed = values[next]
    if (typeof failed === 'string') {
      next++
      for (const place of places) answers[place] = new LimitReplyError(policy, failed)
      continue
    }
    for (const place of places) {
      const leases = asks[place]?.want !== 0
      const refusing = number()
      if (refusing < 0) {
        answers[place] = givenShortly(at, -1 - refusing, shortlyFree)
        continue
      }
      const waitMs = number() / 1000
      const leased = leases ? number() : 0
      const leaseMs = leases ? number() / 1000 : 0
      const levels: Level[] = []
      for (let tier = 0; tier < tiers; tier++) {
        levels.push({ remaining: Math.max(0, number()), resetMs: number() / 1000 })
      }
      const refusedBy = refusing === 0 ? undefined : refusing - 1
      answers[place] = { at, refusedBy, waitMs, leased, leaseMs, levels }
    }
  }
  return answers
}

/** What sliding-short.lua says. */
const givenShortly = (at: number, remaining: number, resetMs: number): Answer => ({
  at,
  refusedBy: undefined,
  waitMs: 0,
  leased: 0,
  leaseMs: 0,
  levels: [{ remaining, resetMs }],
})
