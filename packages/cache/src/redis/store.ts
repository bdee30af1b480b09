import { keySpace, type RedisArgument, type RedisLink, runScript, runScriptBuffer } from '@lockstep/redis'
import { MAX_TAGS_BYTES, TAGS_OFFSET } from '../codec/entry.ts'
import type { ChangeReply, Fill, LeaseAsk, Note, ReadReply, Store, Write } from '../ports.ts'
import type { Invalidation } from '../protocol/history.ts'
import { markersOf } from '../protocol/markers.ts'
import { tailOf } from '../protocol/wire.ts'
import { candidates } from './candidates.ts'
import { entriesAndLeases, type Place, placeOf } from './place.ts'
import { StoreReplyError } from './reply.ts'
import * as scripts from './scripts.ts'

/** How many names one run of a script takes: Redis serves nobody else meanwhile. */
const MAX_NAMES = 500
/** The last byte that the tags of an entry may take. */
const HEADER_END = TAGS_OFFSET + MAX_TAGS_BYTES - 1
/** What our other keys begin with, or are, behind the root: not entries. */
const CONTROL = /^(?:(?:head|log|markers|server|intents|replicas)$|(?:lease|value):)/

/**
 * L2 in Redis: each method is one script, or one command, on the keys of one shard. A missing script is sent along; any
 * other error of Redis rejects.
 *
 * @throws {StoreReplyError} when Redis holds something else than we wrote
 */
export function redisStore(link: RedisLink, prefix: string): Store {
  const keys = keySpace(prefix, link.shards)
  const places = Array.from({ length: keys.shards }, (_, shard) => placeOf(keys, prefix, shard))
  const next = candidates()
  const at = (shard: number): Place => {
    const place = places[shard]
    if (place === undefined) throw new RangeError(`There is no shard ${shard}`)
    return place
  }

  function run<Reply>(
    script: scripts.StoreScript<Reply>,
    shard: number,
    own: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<Reply> {
    const all = [...at(shard).control, ...own]
    return link.run((redis) => runScript(redis, script, all, [...next(), ...args]), shard)
  }
  /** The same, for a script that publishes. */
  function tell<Reply>(
    script: scripts.StoreScript<Reply>,
    shard: number,
    own: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<Reply> {
    return run(script, shard, own, [...at(shard).voice, ...args])
  }

  const leaseSome = (shard: number, asks: readonly LeaseAsk[], ms: number) => {
    const own = entriesAndLeases(at(shard), asks.map(nameOf))
    const args = asks.flatMap(({ token, rejected }) => [token, rejectedAs(rejected)])
    const all = [...at(shard).control, ...own]
    return link.run(
      (redis) => runScriptBuffer(redis, scripts.lease, all, [...next(), whole(ms), ...args]),
      shard,
    )
  }
  const fillSome = (shard: number, fills: readonly Fill[]) => {
    const args = fills.flatMap(({ token, incarnation, bytes, lifetime }) => [
      token,
      incarnation,
      bytes === undefined ? 0 : whole(lifetime),
      bytes ?? '',
    ])
    return tell(scripts.fill, shard, entriesAndLeases(at(shard), fills.map(nameOf)), args)
  }
  const invalidateSome = async (shard: number, what: Invalidation, note: Note): Promise<ChangeReply> => {
    const args = [tail(what, note), ...markersOf(what)]
    return changeReply(
      await tell(scripts.invalidate, shard, entriesAndLeases(at(shard), what.keys), args),
      what,
      note,
    )
  }

  return {
    shards: keys.shards,
    shardOf: (name) => keys.shardOf(name),
    read(shard, names) {
      const { root, head, headOf } = at(shard)
      const wanted = [head]
      for (const name of names) wanted.push(root + name)
      return link
        .run((redis) => redis.mgetBuffer(...wanted), shard)
        .then((found): ReadReply => {
          const entries: (Buffer | undefined)[] = []
          for (let i = 1; i < wanted.length; i++) entries.push(found[i] ?? undefined)
          return { head: headOf(found[0]), entries }
        })
    },
    async lease(shard, asks, ms) {
      if (asks.length <= MAX_NAMES) return leaseSome(shard, asks, ms)
      const [first, ...others] = await Promise.all(
        pieces(asks, MAX_NAMES).map((some) => leaseSome(shard, some, ms)),
      )
      if (first === undefined) throw new StoreReplyError('lease', 'an answer')
      // Any of the heads will do for a stamp: no source is read before all of these have answered.
      return { ...first, answers: [first, ...others].flatMap(({ answers }) => answers) }
    },
    renew(shard, name, token, ms) {
      const key = `${at(shard).root}lease:${name}`
      return link.run((redis) => runScript(redis, scripts.renew, [key], [token, whole(ms)]), shard)
    },
    async fill(shard, fills) {
      if (fills.length <= MAX_NAMES) return fillSome(shard, fills)
      return (await Promise.all(pieces(fills, MAX_NAMES).map((some) => fillSome(shard, some)))).flat()
    },
    async touch(shard, entries) {
      const { root } = at(shard)
      await link.run(
        (redis) =>
          Promise.all(entries.map(({ name, lifetime }) => redis.pexpire(root + name, whole(lifetime)))),
        shard,
      )
    },
    async invalidate(shard, what, note) {
      if (what.keys.length <= MAX_NAMES) return invalidateSome(shard, what, note)
      const parts = pieces(what.keys, MAX_NAMES).map((some) => only(some))
      const last = { ...what, keys: parts.pop()?.keys ?? [] }
      const replies = await Promise.all([...parts, last].map((part) => invalidateSome(shard, part, note)))
      const reply = replies.at(-1)
      if (reply === undefined) throw new StoreReplyError('invalidate', 'an answer')
      const removed = replies.reduce((sum, one) => sum + one.removed, 0)
      return { ...reply, change: { ...reply.change, keys: what.keys }, removed }
    },
    async evictPresent(shard, names, note) {
      const own = entriesAndLeases(at(shard), names)
      const reply = await tell(scripts.evictPresent, shard, own, [tail(only([]), note)])
      if (reply === undefined) return undefined
      const evicted = reply.places.flatMap((place) => names[place - 1] ?? [])
      return changeReply(reply, only(evicted), note)
    },
    async set(shard, { name, bytes, lifetime }, version, note) {
      const what = only([name])
      const args = [tail(what, note), version ?? '', whole(lifetime), bytes]
      const reply = await tell(scripts.set, shard, entriesAndLeases(at(shard), [name]), args)
      const { result } = reply
      return { ...changeReply(reply, result === 'refused' ? only([]) : what, note), result }
    },
    async begin(shard, names, token, ms, note) {
      const what = only(names)
      const own = entriesAndLeases(at(shard), names)
      const reply = await tell(scripts.begin, shard, own, [tail(what, note), token, whole(ms)])
      return { ...changeReply(reply, what, note), ...reply.leases }
    },
    async end(shard, names, token, incarnation, writes, note) {
      const what = only(names)
      const { root } = at(shard)
      const own = [...entriesAndLeases(at(shard), names), ...writes.map((write) => root + write.name)]
      const args = [tail(what, note), token, incarnation, names.length, ...writes.flatMap(lifetimeAndBytes)]
      const reply = await tell(scripts.end, shard, own, args)
      return { ...changeReply(reply, what, note), stood: reply.stood, stored: reply.stored }
    },
    probe: (shard, replica, within, markers) =>
      run(scripts.probe, shard, [], [replica, whole(within), markers ? 1 : 0]),
    replay: (shard, after) => run(scripts.replay, shard, [], [Math.max(0, after)]),
    rotate: (shard, expected) => run(scripts.rotate, shard, [], [expected]),
    async leave(shard, replica) {
      await link.run((redis) => redis.callBuffer('zrem', keys.replicas(shard), replica), shard)
    },
    onAvailable: (listener) => link.onAvailable(() => listener()),
    async *scan(glob) {
      const roots = places.map(({ root }) => root)
      const some = roots.length === 1 ? literally(roots[0] ?? '') : `${literally(prefix)}:{*}:`
      for await (const page of link.scan(some + glob)) {
        const names = page.flatMap((key) => {
          const root = roots.find((begins) => key.startsWith(begins))
          const name = root === undefined ? undefined : key.slice(root.length)
          return name === undefined || CONTROL.test(name) ? [] : [name]
        })
        if (names.length > 0) yield names
      }
    },
    async headers(shard, names) {
      const { root } = at(shard)
      const found = await link.run(
        (redis) => Promise.all(names.map((name) => redis.callBuffer('getrange', root + name, 0, HEADER_END))),
        shard,
      )
      return found.map((bytes) => (Buffer.isBuffer(bytes) && bytes.length > 0 ? bytes : undefined))
    },
    drop(shard, entries) {
      const { root } = at(shard)
      const own = entries.map(({ name }) => root + name)
      const identities = entries.map(({ identity }) => Buffer.from(identity, 'latin1'))
      return link.run((redis) => runScript(redis, scripts.drop, own, identities), shard)
    },
  }
}

const nameOf = ({ name }: { name: string }): string => name

/** Of any bytes, so each character is a byte; the sign tells an empty one from none. */
function rejectedAs(identity: string | undefined): string | Buffer {
  return identity === undefined ? '' : Buffer.from(`=${identity}`, 'latin1')
}

const lifetimeAndBytes = ({ lifetime, bytes }: Write): RedisArgument[] => [whole(lifetime), bytes]

/** What Redis takes for a time: it may be earlier, never later. */
const whole = (ms: number): number => Math.max(0, Math.floor(ms))

const tail = (what: Invalidation, { origin, acknowledge = false }: Note): string =>
  tailOf(what, origin, acknowledge)

const only = (keys: readonly string[]): Invalidation => ({ keys, tags: [], prefixes: [], caches: [] })

function changeReply(
  { head, time, previous, removed }: scripts.Changed,
  what: Invalidation,
  { origin, acknowledge = false }: Note,
): ChangeReply {
  const { incarnation, seq, token } = head
  const { keys, tags, prefixes, caches } = what
  const change = { incarnation, seq, token, previous, origin, acknowledge, keys, tags, prefixes, caches }
  return { head, time, change, removed }
}

function pieces<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = []
  for (let at = 0; at < items.length; at += size) result.push(items.slice(at, at + size))
  return result
}

/** A glob that matches this text only. */
const literally = (text: string): string => text.replace(/[\\*?[\]]/g, '\\$&')
