/** What an invalidation is about: entries by name (`books:v1:42`), and groups of them by tag, prefix or cache. */
export interface Invalidation {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
  /** Of names, such as `books:v1:list:`. */
  readonly prefixes: readonly string[]
  /** Such as `books:v1`. */
  readonly caches: readonly string[]
}

/** A point in the history of a shard: the state of its log. */
export interface Head {
  /** Random, below 2^52: which history. A new one begins when Redis lost something, or may have. */
  readonly incarnation: number
  /** How many invalidations it has seen. */
  readonly seq: number
  /** Random for each invalidation: two histories that share an incarnation and a seq differ in it. */
  readonly token: string
  /** When the incarnation began, by the server's clock. */
  readonly born: number
}

/** One invalidation, as it stands in the log and in the message that tells of it. */
export interface Change extends Invalidation {
  readonly incarnation: number
  readonly seq: number
  readonly token: string
  /** The token of the change before it. */
  readonly previous: string
  /** The process that made it. */
  readonly origin: string
  /** Whether the origin waits for word that it was applied. */
  readonly acknowledge: boolean
}

/** How many tokens of the past are remembered, to tell a message of another history from a late one of ours. */
const REMEMBERED = 256

/** The part of a shard's history that a replica has applied: up to where, and the tokens on the way. */
export class History {
  incarnation = -1
  applied = -1
  /** The first seq whose token is known; from there on all are. */
  #from = 0
  /** A ring: the token of a seq lies at its remainder. */
  readonly #tokens = Array.from({ length: REMEMBERED }, () => '')

  /** The token of what was applied last. */
  get token(): string {
    return this.tokenAt(this.applied) ?? ''
  }

  begin(head: Head): void {
    this.forget()
    this.incarnation = head.incarnation
    this.advance(head)
  }

  /** Belongs to no history until the next `begin`. */
  forget(): void {
    this.incarnation = -1
    this.applied = -1
    this.#from = 0
  }

  advance({ seq, token }: { seq: number; token: string }): void {
    if (seq !== this.applied + 1) this.#from = seq
    this.applied = seq
    this.#tokens[seq % REMEMBERED] = token
  }

  /** The token of a change that was applied; undefined when it is not remembered. */
  tokenAt(seq: number): string | undefined {
    const { applied } = this
    return seq < this.#from || seq > applied || seq <= applied - REMEMBERED
      ? undefined
      : this.#tokens[seq % REMEMBERED]
  }

  /** Whether a token at a seq that was applied is another than the one applied: then history was lost. */
  contradicts(seq: number, token: string): boolean {
    const known = this.tokenAt(seq)
    return known !== undefined && known !== token
  }
}
