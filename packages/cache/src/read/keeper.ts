import type { Clock } from '@lockstep/redis'
import { decodeBody, type EntryHeader, encodeEntry } from '../codec/entry.ts'
import { EncodeError, reasonOf } from '../errors.ts'
import type { Logger } from '../ports.ts'
import type { Guards } from '../protocol/guards.ts'
import type { ShardView } from '../protocol/shard-view.ts'
import type { CacheCounts } from '../stats.ts'
import type { FoundEntry, Grant, L2 } from '../tiers/l2.ts'
import type { Id, Region } from '../tiers/region.ts'
import type { Pending } from '../write/pending.ts'
import type { Degraded, Reading } from './flight.ts'
import type { Definition, Policy } from './policy.ts'

/** So many names of values that could not be stored are remembered, to say it once for each. */
const MAX_REPORTED = 1000
/** For how long something stale is served without another try, after a load failed. */
const THROTTLE_MS = 1000
/** Instead of a value: the entry is not of the shape that readers expect, and reads as absent. */
export const UNREADABLE = Symbol('unreadable')

export interface KeeperOptions<K, V> {
  readonly definition: Definition<K, V>
  readonly policy: Policy
  readonly region: Region<V>
  readonly l2: L2
  readonly clock: Clock
  readonly random: () => number
  readonly guards: Guards
  readonly pending: Pending
  readonly counts: CacheCounts
  readonly logger: Logger
}

/** A value as it is stored: what is known about it, and its bytes. */
export interface Encoded {
  readonly header: EntryHeader
  readonly bytes: Buffer
  /** Milliseconds for which Redis keeps it. */
  readonly lifetime: number
}

/** What a loaded value is stamped with, besides its grant. */
export interface Loaded<K, V> {
  readonly key: K
  readonly value: V | undefined
  readonly loadMs: number
  readonly ttl?: number | undefined
  readonly tags?: readonly string[] | undefined
  /** Instead of what `versionOf` says. */
  readonly version?: number | undefined
}

/** What is served; an entry of L1 knows its view. */
interface Told<V> {
  readonly name: string
  readonly header: EntryHeader
  readonly value: V | undefined
  readonly view?: ShardView
}

/** Makes entries of values and values of entries, and puts into L1 what may be kept there. */
export class Keeper<K, V> {
  readonly #options: KeeperOptions<K, V>
  readonly #reported = new Set<string>()

  constructor(options: KeeperOptions<K, V>) {
    this.#options = options
  }

  /**
   * Whether a write of this process that is on its way to Redis concerns the entry.
   *
   * @param tags of the entry, once they are known
   */
  bypassed(name: string, tags: readonly string[] = []): boolean {
    const { guards, pending, policy } = this.#options
    if (pending.none || !guards.bypass) return false
    return pending.key(name, policy.cache) || pending.covers({ name, cache: policy.cache, tags })
  }

  /** The value of an entry, or `UNREADABLE`. */
  decode(name: string, { bytes, header }: FoundEntry): V | undefined | typeof UNREADABLE {
    if (header.negative) return undefined
    const { policy, logger } = this.#options
    if (header.codec !== policy.codec.id) return UNREADABLE
    try {
      return this.#checked(decodeBody(bytes, policy.codec, { name }))
    } catch (error) {
      if (this.#firstTime(name)) logger.warn({ name, reason: reasonOf(error) }, 'an entry cannot be read')
      return UNREADABLE
    }
  }

  /** The entry of a loaded value; undefined when it cannot be stored, which is logged once for each name. */
  encode(name: string, loaded: Loaded<K, V>, grant: Grant, now: number): Encoded | undefined {
    const { policy, counts, logger } = this.#options
    try {
      const header = this.#header(loaded, grant, now)
      const { value } = loaded
      const body = value === undefined ? undefined : policy.codec.encode(value, { name })
      if (body !== undefined && body.length > policy.maxValueBytes) {
        counts.unstorable++
        const sizes = { name, bytes: body.length, limit: policy.maxValueBytes }
        if (this.#firstTime(name)) logger.warn(sizes, 'a value is too large to be cached')
        return undefined
      }
      const whole =
        header.sliding > 0 ? Math.min(header.sliding, header.errorUntil - now) : header.errorUntil - now
      return { header, bytes: encodeEntry(header, body), lifetime: Math.ceil(whole) }
    } catch (error) {
      counts.unstorable++
      const code = error instanceof EncodeError ? error.code : undefined
      if (this.#firstTime(name)) {
        logger.error({ name, code, reason: reasonOf(error) }, 'a value cannot be cached')
      }
      return undefined
    }
  }

  /**
   * Puts an entry into L1, unless it was invalidated since the read of it began: one synchronous step.
   *
   * @param since what the fences said when the read began
   * @param now the present time
   * @returns whether it lies in L1
   */
  keep(
    id: Id,
    since: number,
    name: string,
    header: EntryHeader,
    value: V | undefined,
    bytes: number,
    now: number,
  ): boolean {
    const { counts, policy, region, l2 } = this.#options
    const view = l2.viewOf(name)
    if (!this.#mayKeep(id, since, name, header, view)) {
      counts.fenced++
      return false
    }
    const time = view.serverTime(now)
    if (time >= header.errorUntil) return false
    if (!region.entries.fits(bytes)) {
      region.entries.delete(id)
      return false
    }
    const until = now + this.#untilNextLook(header, time, policy)
    return region.put(id, { until, view, visited: false, bytes, value, promise: undefined, name, header })
  }

  /**
   * What is told of an entry that is served.
   *
   * @param now the present time
   */
  reading(
    { name, header, value, view = this.#options.l2.viewOf(name) }: Told<V>,
    from: Reading<V>['from'],
    now: number,
    stored: boolean,
    degraded?: Degraded,
  ): Reading<V> {
    const time = view.serverTime(now)
    const reading = {
      value,
      from,
      age: Math.max(0, time - header.created),
      ttl: header.freshUntil - time,
      stale: time >= header.freshUntil,
      stored,
      bound: from === 'source' ? 0 : Math.max(0, now - view.lastKnown),
    }
    return degraded === undefined ? reading : { ...reading, degraded }
  }

  /** Serves an entry of L1 for a little longer, because its load has just failed or is under way elsewhere. */
  throttle(id: Id, until: 'staleUntil' | 'errorUntil'): void {
    const entry = this.#options.region.entries.get(id)
    if (entry === undefined) return
    const left = entry.header[until] - entry.view.serverTime()
    entry.until = this.#options.clock.now() + Math.min(left, THROTTLE_MS)
  }

  /** The part of the invariants that L1 rests on (G2): fence, incarnation, markers, and writes of our own. */
  #mayKeep(id: Id, since: number, name: string, header: EntryHeader, view: ShardView): boolean {
    const { pending, policy, region } = this.#options
    if (region.fences.voided(id, since)) return false
    const { incarnation, seq } = header
    if (pending.none && view.surelyFresh(incarnation, seq)) return true
    if (this.bypassed(name, header.tags)) return false
    return view.fresh({ name, cache: policy.cache, tags: header.tags }, incarnation, seq)
  }

  /**
   * For how long an entry is served without a look at its times: until it expires; or, by chance, a little before, so that
   * one of many readers loads it anew while the others are still served (XFetch, Vattani et al., VLDB 2015); or until half
   * of its sliding life has passed, when L2 must hear that it is still read.
   */
  #untilNextLook(header: EntryHeader, time: number, policy: Policy): number {
    const { random } = this.#options
    const eager = header.negative ? 0 : header.loadMs * policy.earlyRefresh
    const left = header.freshUntil - time + (eager > 0 ? Math.log(1 - random()) * eager : 0)
    return Math.max(0, header.sliding > 0 ? Math.min(left, header.sliding / 2) : left)
  }

  #header({ key, value, loadMs, ttl, tags, version }: Loaded<K, V>, grant: Grant, now: number): EntryHeader {
    const { definition, policy, random } = this.#options
    const negative = value === undefined
    const life = (negative ? policy.negativeTtl : (ttl ?? policy.ttl)) * (1 - policy.jitter * random())
    // With jitter, too: all that was granted in a young incarnation ends with its youth; what comes later is not kept.
    const youth = Math.max(0, grant.youthEnd - now) * (1 - policy.jitter * random())
    const end = grant.time < grant.youthEnd ? now + youth : Number.MAX_SAFE_INTEGER
    const freshUntil = Math.min(now + life, end)
    const { staleWhileRevalidate, staleIfError } = policy
    const staleUntil = negative ? freshUntil : Math.min(freshUntil + staleWhileRevalidate, end)
    const errorUntil = negative
      ? freshUntil
      : Math.min(freshUntil + Math.max(staleWhileRevalidate, staleIfError), end)
    return {
      codec: policy.codec.id,
      negative,
      identity: grant.token,
      incarnation: grant.incarnation,
      seq: grant.seq,
      created: now,
      loadMs,
      freshUntil,
      staleUntil,
      errorUntil,
      sliding: negative ? 0 : policy.sliding,
      version: value === undefined ? undefined : (version ?? definition.versionOf?.(value)),
      tags: value === undefined ? [] : (tags ?? definition.tags?.(value, key) ?? []),
    }
  }

  #checked(value: unknown): V | typeof UNREADABLE {
    const { accepts, schema } = this.#options.definition
    if (accepts) return accepts(value) ? value : UNREADABLE
    if (schema) {
      const result = schema['~standard'].validate(value)
      if (result instanceof Promise) throw new TypeError('the schema must answer synchronously')
      return result.issues ? UNREADABLE : result.value
    }
    return this.#believed(value) ? value : UNREADABLE
  }

  /** Without a check, an entry of this cache and version is what a process with the same definition has written. */
  #believed(value: unknown): value is V {
    return value !== undefined
  }

  #firstTime(name: string): boolean {
    if (this.#reported.has(name) || this.#reported.size >= MAX_REPORTED) return false
    this.#reported.add(name)
    return true
  }
}
