import { cacheName } from '@lockstep/redis'
import { type Duration, toMilliseconds } from '@lockstep/settings'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Codec } from '../codec/codec.ts'
import { jsonCodec } from '../codec/json.ts'
import { DefinitionError } from '../errors.ts'
import type { Load, LoadMany } from './loader.ts'

/** What a named cache holds and where it comes from. */
export interface Definition<K, V> {
  /** Lower case letters, digits and dashes, such as `books`. */
  readonly name: string
  /** Of the shape of the values: raise it when that changes, and old entries are never read. */
  readonly version: number
  /** The id of an entry: unique in this cache. `42` and `'42'` are the same id. */
  readonly key: (key: K) => string | number
  /**
   * Reads the source; undefined when it does not have it, which is cached too, for `negativeTtl`. A cache without a loader
   * holds what is `set`.
   */
  readonly load?: Load<K, V>
  /** Reads many at once, instead of `load`: what is missed in one turn of the event loop is loaded in one call. */
  readonly loadMany?: LoadMany<K, V>
  /** How long an entry is fresh. */
  readonly ttl: Duration
  /** Ends an entry that was not read for so long, before its ttl. */
  readonly sliding?: Duration
  /** Shortens each life by a random part of up to this much, so that entries filled together do not end together. Default 0.1. */
  readonly jitter?: number
  /** How long the absence of an entry is believed. Default 5 s. */
  readonly negativeTtl?: Duration
  /** For how long past its ttl an entry is served while it is loaded anew. Default: not at all. */
  readonly staleWhileRevalidate?: Duration
  /** For how long past its ttl an entry is served when its load fails. Default: not at all. */
  readonly staleIfError?: Duration
  /**
   * For how long after its lease ended L1 still answers, until its own end, when Redis is away *and* the load fails. Nobody can know then
   * whether the value was invalidated, so it is marked as degraded. Default: not at all.
   */
  readonly staleWhenAway?: Duration
  /** How long a reader waits for a load when there is something stale to serve. Default: as long as it takes. */
  readonly softTimeout?: Duration
  /** The longest a load may take, and a reader waits for another replica's. Default 5 s. */
  readonly hardTimeout?: Duration
  /** How eagerly an entry is loaded anew before it expires (XFetch's beta); 0: never. Default 1. */
  readonly earlyRefresh?: number
  /** What else invalidates an entry. */
  readonly tags?: (value: V, key: K) => readonly string[]
  /** The version of a value, for `set`: a number that grows with every change of it in the source. */
  readonly versionOf?: (value: V) => number
  /** Whether what L2 holds is of the shape that readers expect; if not, it reads as absent. */
  readonly accepts?: (stored: unknown) => stored is V
  /** The same by a schema (https://standardschema.dev), which may also transform. It must answer synchronously. */
  readonly schema?: StandardSchemaV1<unknown, V>
  /** How values lie in Redis. Default JSON. */
  readonly codec?: Codec
  /** How many entries L1 holds. Default: that of the cache object. */
  readonly maxEntries?: number
  /** How many bytes, as encoded, L1 holds. Default: that of the cache object. */
  readonly maxBytes?: number
  /** The largest value that is cached, in bytes as encoded. Default 1 MiB. */
  readonly maxValueBytes?: number
}

/** A definition with its defaults, in milliseconds. */
export interface Policy {
  readonly cache: string
  /** Whether it has a loader. Without one, Redis is all there is: what it does not hold is not there. */
  readonly sourced: boolean
  readonly ttl: number
  readonly sliding: number
  readonly jitter: number
  readonly negativeTtl: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly staleWhenAway: number
  readonly softTimeout: number
  readonly hardTimeout: number
  readonly earlyRefresh: number
  readonly maxValueBytes: number
  readonly codec: Codec
}

/**
 * @throws {DefinitionError} saying what is wrong with the definition
 * @throws {DurationError} naming the duration that is not one
 */
export function policyOf<K, V>(definition: Definition<K, V>): Policy {
  check(definition)
  const cache = cacheName(definition.name, definition.version)
  const ms = (name: keyof Definition<K, V>, value: Duration | undefined, otherwise: number) =>
    value === undefined ? otherwise : toMilliseconds(value, `${cache} ${name}`)
  return {
    cache,
    sourced: definition.load !== undefined || definition.loadMany !== undefined,
    ttl: ms('ttl', definition.ttl, 0),
    sliding: ms('sliding', definition.sliding, 0),
    jitter: definition.jitter ?? 0.1,
    negativeTtl: ms('negativeTtl', definition.negativeTtl, 5000),
    staleWhileRevalidate: ms('staleWhileRevalidate', definition.staleWhileRevalidate, 0),
    staleIfError: ms('staleIfError', definition.staleIfError, 0),
    staleWhenAway: ms('staleWhenAway', definition.staleWhenAway, 0),
    softTimeout: ms('softTimeout', definition.softTimeout, Number.POSITIVE_INFINITY),
    hardTimeout: ms('hardTimeout', definition.hardTimeout, 5000),
    earlyRefresh: definition.earlyRefresh ?? 1,
    maxValueBytes: definition.maxValueBytes ?? 2 ** 20,
    codec: definition.codec ?? jsonCodec,
  }
}

/** Names that begin the keys of something else. */
const RESERVED = new Set([
  'lease',
  'head',
  'log',
  'markers',
  'floor',
  'server',
  'intents',
  'replicas',
  'value',
])

function check<K, V>(definition: Definition<K, V>): void {
  const { name, version, jitter = 0, earlyRefresh = 0 } = definition
  const { maxEntries = 1, maxBytes = 1, maxValueBytes = 1 } = definition
  if (RESERVED.has(name)) throw new DefinitionError(`A cache cannot be named ${name}: other keys begin so`)
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new DefinitionError(
      `A cache is named in lower case letters, digits and dashes, not ${JSON.stringify(name)}`,
    )
  }
  if (definition.load && definition.loadMany) {
    throw new DefinitionError(`The cache ${name} has both load and loadMany: keep one`)
  }
  if (!Number.isInteger(version) || version < 0) {
    throw new DefinitionError(`The version of ${name} must be a whole number, not ${version}`)
  }
  if (!(jitter >= 0 && jitter < 1)) {
    throw new DefinitionError(`The jitter of ${name} must be from 0 up to 1, not ${jitter}`)
  }
  if (!(earlyRefresh >= 0 && Number.isFinite(earlyRefresh))) {
    throw new DefinitionError(`The earlyRefresh of ${name} must be a number from 0, not ${earlyRefresh}`)
  }
  for (const [option, value] of Object.entries({ maxEntries, maxBytes, maxValueBytes })) {
    if (!(Number.isInteger(value) && value > 0)) {
      throw new DefinitionError(`The ${option} of ${name} must be a whole number above 0, not ${value}`)
    }
  }
}
