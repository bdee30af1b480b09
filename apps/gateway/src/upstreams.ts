/** The replicas of one service, in turn: the ones that are ready, or all when none is known to be. */
export class Upstreams {
  readonly #all: readonly string[]
  readonly #down = new Set<string>()
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
