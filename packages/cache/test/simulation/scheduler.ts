/** A stream of chance that a seed decides wholly (sfc32, seeded by splitmix32). */
export class Random {
  #a: number
  #b: number
  #c: number
  #count = 1

  constructor(seed: number) {
    let state = seed | 0
    const mix = () => {
      state = (state + 0x9e3779b9) | 0
      let z = state ^ (state >>> 16)
      z = Math.imul(z, 0x21f0aaad)
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
      return z ^ (z >>> 15)
    }
    this.#a = mix()
    this.#b = mix()
    this.#c = mix()
  }

  /** From 0 up to 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.next()
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0]
  }

  /** Another stream, so that what draws from one does not shift what the other says. */
  fork(): Random {
    return new Random(this.below(2 ** 32))
  }

  /** Sixteen characters. */
  token(): string {
    const part = () =>
      this.below(2 ** 32)
        .toString(36)
        .padStart(8, '0')
        .slice(-8)
    return part() + part()
  }
}

interface Event {
  readonly time: number
  readonly order: number
  readonly action: () => void
}

/**
 * Virtual time. Events run one at a time, in the order of their times; after each one everything that promises have made
 * ready runs too, before time goes on. Node runs its queue of ticks only when no microtask is left, so a tick that a
 * microtask asks for is the cheapest place to stand after all of them.
 */
export class Scheduler {
  now = 0
  /** Of all that has happened: two runs that differ anywhere differ in it. */
  hash = 0
  events = 0
  readonly #heap: Event[] = []
  #order = 0

  at(time: number, action: () => void): void {
    const heap = this.#heap
    const event = { time: Math.max(time, this.now), order: this.#order++, action }
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || before(above, event)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  mix(number: number): void {
    this.hash = Math.imul(this.hash ^ (number | 0), 0x01000193) ^ (this.hash >>> 15)
  }

  /** Runs all events up to a time, then stands at that time. Rejects with what an event threw. */
  run(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        const event = this.#take(until)
        if (event === undefined) {
          this.now = until
          return resolve()
        }
        this.now = event.time
        this.events++
        this.mix(event.order)
        this.mix(event.time * 1024)
        try {
          event.action()
        } catch (error) {
          return reject(error)
        }
        queueMicrotask(afterwards)
      }
      const afterwards = () => process.nextTick(turn)
      queueMicrotask(afterwards)
    })
  }

  #take(until: number): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.time > until) return undefined
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = at * 2 + 1
      const one = heap[left]
      if (one === undefined) break
      const other = heap[left + 1]
      const child = other !== undefined && before(other, one) ? left + 1 : left
      const lower = child === left ? one : (other ?? one)
      if (before(last, lower)) break
      heap[at] = lower
      at = child
    }
    heap[at] = last
    return first
  }
}

const before = (one: Event, other: Event): boolean =>
  one.time < other.time || (one.time === other.time && one.order < other.order)
