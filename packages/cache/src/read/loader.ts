import { batched, type Clock } from '@lockstep/redis'
import { LoadTimeoutError } from '../errors.ts'
import type { CacheCounts } from '../stats.ts'

export interface LoadContext {
  /** Aborted when the load has taken longer than the hardTimeout: whoever loads may stop. */
  readonly signal: AbortSignal
}

export type Load<K, V> = (key: K, context: LoadContext) => Promise<V | undefined>
/** Undefined where the source has nothing; in the order of the keys. */
export type LoadMany<K, V> = (keys: readonly K[], context: LoadContext) => Promise<readonly (V | undefined)[]>

interface Wanted<K, V> {
  readonly key: K
  readonly resolve: (value: V | undefined) => void
  readonly reject: (error: unknown) => void
}

/** Runs the source, within the hardTimeout. */
export class Loader<K, V> {
  readonly #clock: Clock
  readonly #hardTimeout: number
  readonly #counts: CacheCounts
  readonly #load: Load<K, V>
  readonly #onLoad: (ms: number, failed: boolean) => void

  constructor(options: {
    clock: Clock
    hardTimeout: number
    counts: CacheCounts
    load?: Load<K, V> | undefined
    loadMany?: LoadMany<K, V> | undefined
    onLoad?: (ms: number, failed: boolean) => void
  }) {
    this.#clock = options.clock
    this.#hardTimeout = options.hardTimeout
    this.#counts = options.counts
    this.#onLoad = options.onLoad ?? (() => {})
    const { load, loadMany } = options
    if (loadMany) {
      const want = batched<Wanted<K, V>>(
        (action) => this.#clock.soon(action),
        (batch) => void this.#batch(loadMany, batch),
      )
      this.#load = (key) => new Promise((resolve, reject) => want({ key, resolve, reject }))
    } else {
      this.#load = load ?? (async () => undefined)
    }
  }

  /**
   * @param load instead of the definition's
   * @throws {LoadTimeoutError} or what the source throws
   */
  async load(key: K, name: string, load: Load<K, V> = this.#load): Promise<V | undefined> {
    this.#counts.loads++
    const begun = this.#clock.now()
    try {
      const value = await this.#inTime(name, (context) => load(key, context))
      this.#onLoad(this.#clock.now() - begun, false)
      return value
    } catch (error) {
      this.#counts.loadErrors++
      this.#onLoad(this.#clock.now() - begun, true)
      throw error
    }
  }

  async #inTime<R>(name: string, work: (context: LoadContext) => Promise<R>): Promise<R> {
    const controller = new AbortController()
    const late = Promise.withResolvers<never>()
    const cancel = this.#clock.after(
      this.#hardTimeout,
      () => {
        const error = new LoadTimeoutError(name, this.#hardTimeout)
        controller.abort(error)
        late.reject(error)
      },
      true,
    )
    try {
      return await Promise.race([work({ signal: controller.signal }), late.promise])
    } finally {
      cancel()
    }
  }

  /** All keys that are wanted in one turn of the event loop, in one call. */
  async #batch(loadMany: LoadMany<K, V>, batch: readonly Wanted<K, V>[]): Promise<void> {
    try {
      const keys = batch.map(({ key }) => key)
      const controller = new AbortController()
      const cancel = this.#clock.after(this.#hardTimeout, () => controller.abort())
      const values = await loadMany(keys, { signal: controller.signal }).finally(cancel)
      if (values.length !== keys.length) {
        throw new RangeError(`loadMany gave ${values.length} values for ${keys.length} keys`)
      }
      for (const [at, { resolve }] of batch.entries()) resolve(values[at])
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
