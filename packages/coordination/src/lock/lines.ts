/** A caller's place in a line. */
export class Place {
  readonly #line: Set<Place>
  readonly #emptied: () => void
  #listener: () => void = () => {}

  constructor(line: Set<Place>, emptied: () => void) {
    this.#line = line
    this.#emptied = emptied
    line.add(this)
  }

  /** Whether all who came before have left. */
  get first(): boolean {
    const [first] = this.#line
    return first === this
  }

  readonly onFirst = (listener: () => void): (() => void) => {
    this.#listener = listener
    return () => {
      this.#listener = () => {}
    }
  }

  leave(): void {
    const wasFirst = this.first
    this.#line.delete(this)
    const [next] = this.#line
    if (!next) this.#emptied()
    else if (wasFirst) next.#listener()
  }
}

/**
 * A line for each resource in which the callers of this process stand, so that one of them at a time asks Redis: the
 * queue there holds one waiter a process and resource, and each has its turn in the order in which they came.
 */
export class Lines {
  readonly #lines = new Map<string, Set<Place>>()

  has(resource: string): boolean {
    return this.#lines.has(resource)
  }

  join(resource: string): Place {
    let line = this.#lines.get(resource)
    if (!line) {
      line = new Set()
      this.#lines.set(resource, line)
    }
    return new Place(line, () => this.#lines.delete(resource))
  }
}
