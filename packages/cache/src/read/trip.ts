import type { Found, Look } from '../tiers/l2.ts'
import type { Id } from '../tiers/region.ts'
import { type Flight, type Reading, valueOf } from './flight.ts'
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

/**
 * A flight as its crew sees it. It is its own look at L2, and makes only those promises that somebody asks for while it is
 * under way: a hit there makes no other object.
 */
export class Trip<K, V> implements Flight<V>, Look {
  /** There always is one, for the same reason as of headers. */
  static readonly kept = new Trip('', '', undefined, '', {}, () => {})
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
  #reading: PromiseWithResolvers<Reading<V>> | undefined
  #value: PromiseWithResolvers<V | undefined> | undefined
  readonly #looked: (trip: Trip<K, V>, found: Found, now: number) => void

  /** @param looked is told what L2 has */
  constructor(
    cache: string,
    name: string,
    key: K,
    id: Id,
    start: Start<K, V>,
    looked: (trip: Trip<K, V>, found: Found, now: number) => void,
  ) {
    this.cache = cache
    this.name = name
    this.key = key
    this.id = id
    this.start = start
    this.#looked = looked
  }

  get promise(): Promise<Reading<V>> {
    return (this.#reading ??= Promise.withResolvers()).promise
  }

  get value(): Promise<V | undefined> {
    return (this.#value ??= Promise.withResolvers()).promise
  }

  /** Whether somebody waits for more than the value. */
  get toTell(): boolean {
    return this.#reading !== undefined
  }

  /** Ends it. A promise that rejects ends it with an error. */
  end(reading: Reading<V> | Promise<Reading<V>>): void {
    this.#reading?.resolve(reading)
    this.#value?.resolve(reading instanceof Promise ? reading.then(valueOf) : reading.value)
  }

  /** Ends it where nobody waits for more than the value. */
  endWith(value: V | undefined): void {
    this.#value?.resolve(value)
  }

  tell(found: Found, now: number): void {
    this.#looked(this, found, now)
  }
}
