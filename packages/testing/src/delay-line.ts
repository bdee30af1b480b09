/**
 * One direction of a slow connection: what goes in comes out in its order, each piece no sooner than the delay that was
 * set when it came. Without a delay, and with nothing waiting, it comes out at once.
 */
export class DelayLine {
  readonly #deliver: (chunk: Buffer) => void
  readonly #waiting: { due: number; chunk: Buffer }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(deliver: (chunk: Buffer) => void) {
    this.#deliver = deliver
  }

  /** @param delay milliseconds */
  push(chunk: Buffer, delay: number): void {
    if (delay <= 0 && this.#waiting.length === 0) {
      this.#deliver(chunk)
      return
    }
    const due = Math.max(performance.now() + delay, this.#waiting.at(-1)?.due ?? 0)
    this.#waiting.push({ due, chunk })
    this.#arm()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
  }

  #arm(): void {
    const [first] = this.#waiting
    if (!first || this.#timer) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        const now = performance.now()
        for (let next = this.#waiting[0]; next && next.due <= now; next = this.#waiting[0]) {
          this.#waiting.shift()
          this.#deliver(next.chunk)
        }
        this.#arm()
      },
      Math.max(0, first.due - performance.now()),
    )
  }
}
