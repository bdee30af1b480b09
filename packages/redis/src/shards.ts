import { type After, after, Breaker, RedisUnavailableError } from './breaker.ts'

/** How often Redis is asked whether it is back. */
const PROBE_EVERY_MS = 250

/** One breaker a shard: what is away takes only its own shards with it. */
export class Shards {
  readonly #breakers: readonly Breaker[]

  /**
   * @param probe a harmless command to where a shard is
   * @param timeout milliseconds that a command may take
   * @param received how many bytes have come in
   */
  constructor(
    count: number,
    probe: (shard: number) => Promise<unknown>,
    timeout: number,
    received: () => number,
  ) {
    this.#breakers = Array.from(
      { length: count },
      (_, shard) => new Breaker({ probe: () => probe(shard), probeEvery: PROBE_EVERY_MS, timeout, received }),
    )
  }

  get available(): boolean {
    return this.#breakers.every(({ closed }) => closed)
  }

  /** @throws {RangeError} for a shard that there is none of, and what the breaker throws */
  run<T>(command: () => Promise<T>, shard: number): Promise<T> {
    const breaker = this.#breakers[shard]
    if (breaker) return breaker.run(command)
    return Promise.reject(new RangeError(`there is no shard ${shard} of ${this.#breakers.length}`))
  }

  onAvailable(listener: (shard: number) => void): () => void {
    const forget = this.#breakers.map((breaker, shard) => breaker.onClosed(() => listener(shard)))
    return () => forget.forEach((stop) => stop())
  }

  /** Waits until all are available, for `timeout` milliseconds at most; tells whether they are. */
  async whenAvailable(timeout: number): Promise<boolean> {
    if (this.available) return true
    const settled = Promise.withResolvers<void>()
    const forget = this.onAvailable(() => {
      if (this.available) settled.resolve()
    })
    const timer = setTimeout(settled.resolve, timeout)
    await settled.promise
    clearTimeout(timer)
    forget()
    return this.available
  }

  /** Stops sending to these; the next probe is due after the usual pause. */
  open(concerns: (shard: number) => boolean = () => true): void {
    for (const [shard, breaker] of this.#breakers.entries()) {
      if (breaker.closed && concerns(shard)) breaker.open()
    }
  }

  /** Asks now for those that are not available. */
  probeNow(): void {
    for (const breaker of this.#breakers) breaker.probeNow()
  }

  end(): void {
    for (const breaker of this.#breakers) breaker.end()
  }
}

/** An answer in time, for commands that go to a node and not to a shard. */
export async function inTime<T>(answer: Promise<T>, timeout: number, timer: After = after): Promise<T> {
  const late = Promise.withResolvers<never>()
  const cancel = timer(timeout, () => late.reject(new Error(`no answer within ${timeout} ms`)))
  try {
    return await Promise.race([answer, late.promise])
  } catch (cause) {
    throw new RedisUnavailableError({ cause })
  } finally {
    cancel()
  }
}
