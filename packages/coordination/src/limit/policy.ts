import type { Clock, Logger, Metric } from '@lockstep/redis'
import { Counts, type PolicyStats } from './counts.ts'
import { type Decision, decisionOf, withoutStore } from './decision.ts'
import { Denials } from './denials.ts'
import { Gate, type Outcome } from './gate.ts'
import { Leases } from './leases.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'
import { checkCost, meterName, type PolicySpec } from './options.ts'
import type { Store } from './store.ts'
import type { Tier } from './tiers.ts'

/** A limit that is asked about keys: users, addresses, API keys. */
export interface Policy {
  readonly name: string
  readonly tiers: readonly Pick<Tier, 'limit' | 'window'>[]
  readonly shadow: boolean
  /**
   * Takes permits for a key from all tiers, or from none. It never rejects because of Redis.
   *
   * @param options.cost how many permits; 1 unless told
   * @throws {LimitKeyError | LimitCostError} when the caller asks for what can never be
   */
  consume(key: string, options?: { readonly cost?: number }): Promise<Decision>
  /** What {@link consume} would say, without taking anything. */
  peek(key: string, options?: { readonly cost?: number }): Promise<Decision>
  /**
   * Frees all permits of a key. A process that has refused it keeps to that until the `retryAfterMs` it gave.
   *
   * @throws {RedisUnavailableError} when Redis does not answer
   */
  forget(key: string): Promise<void>
}

/** One policy at work: what can be decided here is, and the rest is asked of the store. */
export class LimitPolicy implements Policy {
  readonly #spec: PolicySpec
  readonly #store: Store
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #gate: Gate
  readonly #denials: Denials | undefined
  readonly #leases: Leases | undefined
  readonly #local: MemoryStore
  readonly #counts = new Counts()
  #degraded = false

  constructor(spec: PolicySpec, store: Store, clock: Clock, logger: Logger) {
    this.#spec = spec
    this.#store = store
    this.#clock = clock
    this.#logger = logger
    this.#gate = new Gate(store, clock, spec.storeTimeout)
    this.#denials = spec.denyCache ? new Denials() : undefined
    this.#leases = spec.leasePermits > 0 ? new Leases(spec.leasePermits, shortestGrain(spec)) : undefined
    this.#local = memoryStore(spec.tiers, clock)
  }

  get name(): string {
    return this.#spec.name
  }

  get tiers(): readonly Tier[] {
    return this.#spec.tiers
  }

  get shadow(): boolean {
    return this.#spec.shadow
  }

  async consume(key: string, { cost = 1 }: { readonly cost?: number } = {}): Promise<Decision> {
    const name = meterName(this.#spec, key)
    checkCost(this.#spec, cost)
    const here = this.#decideHere(name, cost)
    const want = here ? 0 : (this.#leases?.wanted(name, cost, this.#clock.now()) ?? 0)
    const decision = here ?? this.#decided(name, cost, want, await this.#gate.consume({ name, cost, want }))
    this.#counts.add(decision)
    return decision
  }

  async peek(key: string, { cost = 1 }: { readonly cost?: number } = {}): Promise<Decision> {
    const name = meterName(this.#spec, key)
    checkCost(this.#spec, cost)
    const outcome = await this.#gate.peek({ name, cost, want: 0 })
    if (outcome.answer === undefined) return this.#withoutStore(name, cost, 'peek', outcome.error)
    return decisionOf(this.#spec, outcome.answer, 'store')
  }

  async forget(key: string): Promise<void> {
    const name = meterName(this.#spec, key)
    await this.#store.forget(name)
    this.#denials?.forget(name)
    this.#leases?.forget(name)
    await this.#local.forget(name)
  }

  stats(): PolicyStats {
    return this.#counts.stats(this.#degraded, this.#denials?.size ?? 0)
  }

  metrics(): Metric[] {
    return this.#counts.metrics(this.#spec.name, this.#degraded, this.#denials?.size ?? 0)
  }

  #decideHere(name: string, cost: number): Decision | undefined {
    if (this.#denials === undefined && this.#leases === undefined) return undefined
    const now = this.#clock.now()
    const denial = this.#denials?.find(name, cost, now)
    if (denial !== undefined) return decisionOf(this.#spec, denial.answer, 'deny-cache', now - denial.sent)
    const lease = this.#leases?.spend(name, cost, now)
    return lease && decisionOf(this.#spec, lease.answer, 'lease', now - lease.sent)
  }

  #decided(name: string, cost: number, want: number, outcome: Outcome): Decision {
    if (outcome.answer === undefined) {
      if (want > 0) this.#leases?.failed(name)
      return this.#withoutStore(name, cost, 'consume', outcome.error)
    }
    const { answer, sent } = outcome
    if (this.#degraded) this.#restored()
    if (want > 0) this.#leases?.took(name, answer, sent)
    if (answer.refusedBy !== undefined) this.#denials?.add(name, cost, { answer, sent })
    return decisionOf(this.#spec, answer, 'store')
  }

  #withoutStore(name: string, cost: number, mode: 'consume' | 'peek', error: Error): Decision {
    this.#counts.storeErrors++
    if (!this.#degraded) {
      this.#degraded = true
      const details = { policy: this.#spec.name, whenAway: this.#spec.whenAway, reason: reasonOf(error) }
      this.#logger.warn(details, 'limit policy decides without Redis')
    }
    if (this.#spec.whenAway !== 'local') return withoutStore(this.#spec)
    return decisionOf(this.#spec, this.#local.answer({ name, cost, want: 0 }, mode), 'local')
  }

  #restored(): void {
    this.#degraded = false
    this.#logger.info({ policy: this.#spec.name }, 'limit policy decides with Redis again')
  }
}

const reasonOf = (error: Error): string =>
  error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message

/** In ms. */
function shortestGrain({ tiers }: PolicySpec): number {
  return Math.min(...tiers.map(({ rule }) => ('grain' in rule ? rule.grain / 1000 : 0)))
}
