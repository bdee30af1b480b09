interface Load {
  readonly process: number
  readonly begun: number
}

/** The loads under way, to see that there is one at a time (G7). */
export class Loads {
  total = 0
  /** Pairs that overlapped although nothing had been invalidated. */
  readonly inProcess: string[] = []
  readonly inFleet: string[] = []
  readonly #running = new Map<string, Set<Load>>()
  readonly #disturbed = new Map<string, number>()
  readonly #evicted = new Map<string, number>()

  /** Redis has dropped the fill leases of an entry. */
  disturbed(name: string, time: number): void {
    this.#disturbed.set(name, time)
  }

  /** A process has voided its reads of an entry. */
  evicted(process: number, name: string, time: number): void {
    this.#evicted.set(`${process} ${name}`, time)
  }

  /**
   * A read that was voided may go on to load, so an invalidation excuses two loads at once for a while.
   *
   * @param margins for how long before the first load: in the same process, and in another
   * @param writing a write intent stands: each process loads for itself
   */
  begin(
    process: number,
    name: string,
    time: number,
    margins: { own: number; other: number },
    writing: boolean,
  ): () => void {
    this.total++
    const running = this.#running.get(name) ?? new Set()
    this.#running.set(name, running)
    for (const other of running) {
      const text = `r${process} loads ${name} at ${time.toFixed(1)}, and r${other.process} since ${other.begun.toFixed(1)}`
      if (other.process === process) {
        if ((this.#evicted.get(`${process} ${name}`) ?? -1) < other.begun - margins.own)
          this.inProcess.push(text)
      } else if (!writing && (this.#disturbed.get(name) ?? -1) < other.begun - margins.other)
        this.inFleet.push(text)
    }
    const load = { process, begun: time }
    running.add(load)
    return () => void running.delete(load)
  }
}
