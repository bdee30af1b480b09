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
  readonly #tokens = new Map<number, string>()

  get token(): string {
    return this.#tokens.get(this.applied) ?? ''
  }

  begin(head: Head): void {
    this.incarnation = head.incarnation
    this.applied = head.seq
    this.#tokens.clear()
    this.#tokens.set(head.seq, head.token)
  }

  /** Belongs to no history until the next `begin`. */
  forget(): void {
    this.incarnation = -1
    this.applied = -1
    this.#tokens.clear()
  }

  advance(change: { seq: number; token: string }): void {
    this.applied = change.seq
    this.#tokens.set(change.seq, change.token)
    this.#tokens.delete(change.seq - REMEMBERED)
  }

  /** The token of a change that was applied; undefined when it is not remembered. */
  tokenAt(seq: number): string | undefined {
    return this.#tokens.get(seq)
  }

  /** Whether a token at a seq that was applied is another than the one applied: then history was lost. */
  contradicts(seq: number, token: string): boolean {
    const known = this.#tokens.get(seq)
    return known !== undefined && known !== token
  }
}
