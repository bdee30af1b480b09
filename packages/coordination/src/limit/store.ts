/** What a store is asked for: permits of one key. */
export interface Ask {
  /** The key with the policy it is asked under. */
  readonly name: string
  /** How many permits, all or none. */
  readonly cost: number
  /** How many more the asker would lease. */
  readonly want: number
}

/** Where a tier stands after an answer. */
export interface Level {
  readonly remaining: number
  /** Until all permits are free, in ms, when nobody takes any. */
  readonly resetMs: number
}

/** What a store says. */
export interface Answer {
  /** When, in ms by the store's own clock. */
  readonly at: number
  /** The place of the tier that refuses for the longest; undefined when the permits are given. */
  readonly refusedBy: number | undefined
  /** Until they can be had, in ms, when nobody else takes any. */
  readonly waitMs: number
  /** How many more were leased, and for how many ms from the answer they may be spent. */
  readonly leased: number
  readonly leaseMs: number
  /** Of each tier, in order. */
  readonly levels: readonly Level[]
}

/** Where the meters of one policy are kept. */
export interface Store {
  /** How many parts the keys are in; one call is for keys of one part. */
  readonly shards: number
  shardOf(name: string): number
  /**
   * Gives permits to each in turn, or only says whether they are to be had. One that fails is an Error in its place; when
   * all do, the call rejects.
   */
  ask(shard: number, asks: readonly Ask[], mode: 'consume' | 'peek'): Promise<(Answer | Error)[]>
  /** All permits of this key are free again. */
  forget(name: string): Promise<void>
}
