/** The replicas of one service, in turn: the ones that are ready, or all when none is known to be. */
export class Upstreams {
  readonly #all: readonly string[]
  readonly #down = new Set<string>()
  readonly #waiting = new Map<string, Set<() => void>>()
  #turn = 0

  /** @param addresses such as `http://127.0.0.1:4001` */
  constructor(addresses: readonly string[]) {
    this.#all = addresses
  }

  get all(): readonly string[] {
    return this.#all
  }

  get ready(): readonly string[] {
    return this.#all.filter((address) => !this.#down.has(address))
  }

  mark(address: string, ready: boolean): void {
    if (ready) this.#down.delete(address)
    else this.#down.add(address)
  }

  /** Marks a replica that does not even say that it is not ready, and tells those who wait for it while others are there. */
  silent(address: string): void {
    this.mark(address, false)
    if (this.ready.length === 0) return
    for (const turnAway of this.#waiting.get(address) ?? []) turnAway()
  }

  /**
   * Waits for something of a replica, unless that falls silent.
   *
   * @param turnAway called then, and the wait should end
   */
  async waitFor<T>(address: string, wait: Promise<T>, turnAway: () => void): Promise<T> {
    const waiting = this.#waiting.get(address) ?? new Set()
    this.#waiting.set(address, waiting.add(turnAway))
    try {
      return await wait
    } finally {
      waiting.delete(turnAway)
    }
  }

  /**
   * The replica whose turn it is.
   *
   * @param tried those that have failed this request already
   * @returns undefined when every replica has been tried
   */
  next(tried: ReadonlySet<string>): string | undefined {
    const untried = (addresses: readonly string[]) => addresses.filter((address) => !tried.has(address))
    const ready = untried(this.ready)
    const candidates = ready.length > 0 ? ready : untried(this.#all)
    return candidates[this.#turn++ % candidates.length]
  }
}
