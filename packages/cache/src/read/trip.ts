import type { Found, Look } from '../tiers/l2.ts'
import type { Id } from '../tiers/region.ts'
import type { Flight, Reading } from './flight.ts'
import type { Load } from './loader.ts'

/** What a read may be told besides its key. */
export interface How<K, V> {
  /** Instead of the definition's. */
  readonly load?: Load<K, V> | undefined
  readonly ttl?: number | undefined
  readonly tags?: readonly string[] | undefined
}

/** What a flight begins with. */
export interface Start<K, V> extends How<K, V> {
  /** Load it anew: the entry of this identity counts as absent. */
  readonly refresh?: string | undefined
  /** Whether somebody waits for the new value, also if another replica is loading it. */
  readonly patient?: boolean
}

/** A flight as its crew sees it. It is its own look at L2: a hit there makes no other object. */
export class Trip<K, V> implements Flight<V>, Look {
  readonly cache: string
  readonly name: string
  readonly key: K
  readonly id: Id
  start: Start<K, V>
  since = 0
  begun = Number.POSITIVE_INFINITY
  asked = false
  granted = false
  next: Flight<V> | undefined
  readonly promise: Promise<Reading<V>>
  /** Ends it. A promise that rejects ends it with an error. */
  readonly resolve: (reading: Reading<V> | Promise<Reading<V>>) => void
  readonly #looked: (trip: Trip<K, V>, found: Found) => void

  /** @param looked is told what L2 has */
  constructor(
    cache: string,
    name: string,
    key: K,
    id: Id,
    start: Start<K, V>,
    looked: (trip: Trip<K, V>, found: Found) => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<Reading<V>>()
    this.cache = cache
    this.name = name
    this.key = key
    this.id = id
    this.start = start
    this.promise = promise
    this.resolve = resolve
    this.#looked = looked
  }

  tell(found: Found): void {
    this.#looked(this, found)
  }
}
