/** A caller's place in a line: between those who came before and after. */
export class Place {
  /** Whether all who came before have left. */
  first: boolean
  #before: Place | undefined
  #after: Place | undefined
  readonly #lastLeft: (before: Place | undefined) => void
  #listener: () => void = () => {}

  /**
   * @param before whoever was the last in the line
   * @param lastLeft is told who is the last now, when this place was
   */
  constructor(before: Place | undefined, lastLeft: (before: Place | undefined) => void) {
    this.first = before === undefined
    this.#before = before
    this.#lastLeft = lastLeft
    if (before) before.#after = this
  }

  /** Calls back when it is the first, until the returned function is called. */
  onFirst(listener: () => void): () => void {
    this.#listener = listener
    return () => {
      this.#listener = () => {}
    }
  }

  leave(): void {
    const before = this.#before
    const after = this.#after
    if (before) before.#after = after
    if (!after) return this.#lastLeft(before)
    after.#before = before
    if (before) return
    after.first = true
    after.#listener()
  }
}

/**
 * A line for each resource in which the callers of this process stand, so that one of them at a time asks Redis: the
 * queue there holds one waiter a process and resource, and each has its turn in the order in which they came.
 */
export class Lines {
  readonly #last = new Map<string, Place>()

  has(resource: string): boolean {
    return this.#last.has(resource)
  }

  join(resource: string): Place {
    const place = new Place(this.#last.get(resource), (before) => {
      if (before) this.#last.set(resource, before)
      else this.#last.delete(resource)
    })
    this.#last.set(resource, place)
    return place
  }
}
