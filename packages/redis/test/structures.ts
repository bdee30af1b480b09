import {
  openFeed,
  openHash,
  openList,
  openSet,
  openSortedSet,
  type RedisLink,
  RedisValueError,
} from '../src/index.ts'

/** One of each structure, as a service would open them. */
export function openAll(link: RedisLink) {
  const [prefix, ttl] = ['shop', '1m'] as const
  return {
    hash: openHash(link, {
      prefix,
      ttl,
      name: 'profile',
      fields: { name: 'text', logins: 'integer', seen: 'integer' },
    }),
    list: openList(link, { prefix, ttl, name: 'inbox', max: 5, decode: text }),
    set: openSet(link, { prefix, ttl, name: 'tags' }),
    sorted: openSortedSet(link, { prefix, name: 'sold' }),
    feed: openFeed(link, { prefix, ttl, name: 'events', max: 5, decode: text }),
  }
}

/** Accepts texts only. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError('not a text')
}

/** A call of every method that reads or writes what lies at the key, by kind. */
export function callsOf(all: ReturnType<typeof openAll>) {
  const { hash, list, set, sorted, feed } = all
  const once = { id: 'event-1', ttl: '1m' } as const
  return {
    hash: {
      set: () => hash.set('17', { name: 'Ann', seen: 1 }),
      all: () => hash.all('17'),
      get: () => hash.get('17', 'name'),
      increment: () => hash.increment('17', 'logins'),
      removeField: () => hash.removeField('17', 'seen'),
      has: () => hash.has('17', 'seen'),
      remove: () => hash.remove('17'),
    },
    list: {
      push: () => list.push('17', 'hello', { once }),
      recent: () => list.recent('17', 10),
      length: () => list.length('17'),
      trim: () => list.trim('17', 1),
      pop: () => list.pop('17'),
      remove: () => list.remove('17'),
    },
    set: {
      add: () => set.add('17', 'a', 'b'),
      remove: () => set.remove('17', 'a'),
      has: () => set.has('17', 'a'),
      all: () => set.all('17'),
      count: () => set.count('17'),
      common: () => set.common('17', '18'),
      clear: () => set.clear('17'),
    },
    sorted: {
      set: () => sorted.set('17', 'a', 1),
      add: () => sorted.add('17', 'a', 1, { once }),
      rank: () => sorted.rank('17', 'a'),
      score: () => sorted.score('17', 'a'),
      top: () => sorted.top('17', 10),
      range: () => sorted.range('17', 0, 10, { limit: 10 }),
      remove: () => sorted.remove('17', 'a'),
      count: () => sorted.count('17'),
    },
    feed: {
      append: () => feed.append('17', 'hello', { once }),
      after: () => feed.after('17', undefined, 10),
      last: () => feed.last('17'),
    },
  }
}

/** The whole key of the id that {@link callsOf} uses. */
export const KEYS = {
  hash: 'shop:{0}:hash:profile:17',
  list: 'shop:{0}:list:inbox:17',
  set: 'shop:{0}:set:tags:17',
  sorted: 'shop:{0}:sorted:sold:17',
  feed: 'shop:{0}:feed:events:17',
} as const

/** The error's key, for what a structure finds at a key that is not its own. */
export const keyIn = (error: unknown): string | undefined =>
  error instanceof RedisValueError ? error.key : undefined
