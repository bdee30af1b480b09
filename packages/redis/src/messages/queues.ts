interface Queue {
  readonly waiting: string[]
  full: boolean
}

/**
 * Handles what comes on each channel in order, one message after another, while other channels go on (requirement P3). A
 * queue that is full loses its oldest message, and one that is empty is forgotten.
 */
export class Queues {
  readonly #handle: (channel: string, payload: string) => Promise<void>
  readonly #most: number
  readonly #onDrop: (channel: string, first: boolean) => void
  readonly #queues = new Map<string, Queue>()
  readonly #works = new Set<Promise<void>>()

  /**
   * @param handle never rejects
   * @param most how many messages of a channel may wait
   * @param onDrop called for each message that is lost, and told whether it is the first since the queue was empty
   */
  constructor(
    handle: (channel: string, payload: string) => Promise<void>,
    most: number,
    onDrop: (channel: string, first: boolean) => void,
  ) {
    this.#handle = handle
    this.#most = most
    this.#onDrop = onDrop
  }

  /** How many channels have something to do. */
  get size(): number {
    return this.#queues.size
  }

  add(channel: string, payload: string): void {
    const queue = this.#queues.get(channel)
    if (!queue) return this.#begin(channel, payload)
    if (queue.waiting.push(payload) <= this.#most) return
    queue.waiting.shift()
    this.#onDrop(channel, !queue.full)
    queue.full = true
  }

  /** Waits until all that has come is handled. */
  async drained(): Promise<void> {
    while (this.#works.size > 0) await Promise.all(this.#works)
  }

  /** Forgets what waits, and gives how much that was; what is being handled goes on. */
  discard(): number {
    let count = 0
    for (const { waiting } of this.#queues.values()) count += waiting.splice(0).length
    return count
  }

  #begin(channel: string, payload: string): void {
    const queue: Queue = { waiting: [payload], full: false }
    this.#queues.set(channel, queue)
    const work = this.#work(channel, queue).finally(() => this.#works.delete(work))
    this.#works.add(work)
  }

  async #work(channel: string, { waiting }: Queue): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await this.#handle(channel, next)
    }
    this.#queues.delete(channel)
  }
}
