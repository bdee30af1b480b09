/** What a backend gives with a permit, besides the permit. */
export interface Fenced {
  /** Rises with each grant of the resource. */
  readonly fence: number
}

export type Answer<Grant> =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | {
      readonly kind: 'taken'
      /** Milliseconds until a holder's lease ends; 0 when a permit is free, and somebody else's turn. */
      readonly holderRest: number
      /** Milliseconds after which asking again may help, should nobody say so before. */
      readonly again: number
      /** Of this ask, by which it is told when something is handed over to it. */
      readonly turn?: number
    }
  /** The token was given up before. */
  | { readonly kind: 'void' }

/** A permit that its last holder has handed over to who was first in the queue. */
export interface Handed<Grant> {
  /** Of the ask that put it there, or has kept it there. */
  readonly turn: number
  readonly grant: Grant
  /** Milliseconds from some time after that ask, when it must have been renewed. */
  readonly lease: number
}

/** An ask: for which resource, in whose name, for how long. The same object until it is given back. */
export interface Ask {
  readonly resource: string
  /** Names the asker; the same one in each of its asks. */
  readonly token: string
  /** Milliseconds. */
  readonly lease: number
}

/**
 * Where the leases are kept. Each method is one round trip, and rejects with a RedisUnavailableError when nobody can say
 * whether it was carried out; each may be called again then.
 *
 * The type of its grants says whether it fences: a backend whose grants have no `fence` makes locks without one.
 */
export interface Backend<Grant> {
  /** A token that no other asker has. */
  token(): string
  /** @param queue whether to take a place in the queue, if there is one, when it is taken */
  ask(ask: Ask, queue: boolean): Promise<Answer<Grant>>
  /** Makes the lease end `lease` ms from now; false when there is none any more. */
  renew(ask: Ask): Promise<boolean>
  /**
   * Gives back the permit, or the place in the queue; tells whether it was a permit.
   *
   * @param isVoid the token's asks may still be under way: those that come late must find it void
   */
  giveBack(ask: Ask, isVoid: boolean): Promise<boolean>
  /**
   * Calls back when a permit is handed over to the token, or when asking again may help, until the returned function is
   * called. Calls may be lost, and may be late.
   */
  onTurn(ask: Ask, listener: (handed?: Handed<Grant>) => void): () => void
  /** Waits until it answers, for `timeout` ms at most; tells whether it does. */
  whenAvailable(timeout: number): Promise<boolean>
  /** Calls back when it answers again after it was away, until the returned function is called. */
  onAvailable(listener: () => void): () => void
  close(): Promise<void>
}
