/** What a process of a history is to do: its one argument, as JSON. */
export interface HistoryPlan {
  /** Of the way to Redis that is disturbed. */
  readonly port: number
  /** Of Redis itself, whose clock is read past all trouble. */
  readonly clock: number
  readonly seed: number
  /** How many callers there are in the process. */
  readonly callers: number
  readonly locks: readonly string[]
  readonly semaphores: readonly string[]
  readonly permits: number
  /** Locks of a majority of these ports. */
  readonly quorum?: { readonly ports: readonly number[]; readonly resources: readonly string[] }
  /** Milliseconds. */
  readonly ttl: number
  /** The longest that most holds last, in ms. */
  readonly holds: number
  /** Whether they only ever wait patiently, and release what they have. */
  readonly patient: boolean
}

/**
 * A line that it prints: of a grant, what the server's clock said before it was asked for and after it was had; of a look,
 * when the server's clock said something and the lock was held after that. In µs.
 */
export type HistoryLine =
  | {
      readonly kind: 'granted'
      readonly id: string
      readonly resource: string
      readonly before: number
      readonly after: number
      /** 0 for a semaphore. */
      readonly fence: number
    }
  | { readonly kind: 'held'; readonly id: string; readonly at: number }
  | { readonly kind: 'failed'; readonly code: string }
