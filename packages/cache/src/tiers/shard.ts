import type { Clock } from '@lockstep/redis'
import type { Store } from '../ports.ts'
import type { Guards } from '../protocol/guards.ts'
import type { Change, Head } from '../protocol/history.ts'
import { type Effects, type Judgement, type Sent, ShardView } from '../protocol/shard-view.ts'
import type { Regions } from './regions.ts'

/** How many probes go out in T: a lease lasts while one in four is answered. */
const PROBES_PER_T = 4
/** A view that does not come to rest within so many commands has to wait for the next tick. */
const MAX_STEPS = 12

/** `live`: L1 may be served; `degraded`: it may not. */
export type ShardEvent = 'live' | 'degraded' | 'flushed' | 'rotated'

export interface ShardOptions {
  readonly index: number
  readonly store: Store
  readonly clock: Clock
  readonly maxStaleness: number
  readonly guards: Guards
  /** This process, as others know it. */
  readonly replica: string
  readonly regions: Regions
  readonly acknowledge: (shard: number, change: Change) => void
  readonly failed: (error: unknown) => void
  /** Something happened that an operator may want to know of. */
  readonly report: (event: ShardEvent, shard: number) => void
}

/** A shard's view with its way to Redis: does what the view asks for, one command at a time. */
export class Shard implements Effects {
  readonly view: ShardView
  readonly #regions: Regions
  readonly index: number
  readonly #options: ShardOptions
  #wants: { probe: boolean; replay: boolean; rotate: number | undefined } = nothing()
  #working: Promise<void> | undefined
  #cancelTick: (() => void) | undefined
  #live = false
  #stopped = false

  constructor(options: ShardOptions) {
    const { clock, maxStaleness, guards, regions, index } = options
    this.#options = options
    this.#regions = regions
    this.index = index
    this.view = new ShardView({ clock, maxStaleness, guards, effects: this })
  }

  /** Probes from now on, until `stop`. */
  start(): void {
    this.#schedule()
    this.probe()
  }

  /** L2 counts as away from now on: whoever reads on must not look like a replica that listens. */
  stop(): void {
    this.#stopped = true
    this.#cancelTick?.()
    this.view.until = Number.NEGATIVE_INFINITY
  }

  /** Looks at Redis now; resolves when the view is at rest, or Redis is away. */
  look(): Promise<void> {
    this.#wants.probe = true
    return this.#work()
  }

  probe(): void {
    void this.look()
  }

  evict(change: Change): void {
    this.#regions.evict(change)
  }

  flush(): void {
    for (const region of this.#regions.all()) region.evictShard(this.view)
    this.#options.report('flushed', this.index)
  }

  replay(): void {
    this.#wants.replay = true
    void this.#work()
  }

  rotate(incarnation: number): void {
    this.#wants.rotate = incarnation
    void this.#work()
  }

  acknowledge(change: Change): void {
    this.#options.acknowledge(this.index, change)
  }

  /** Whether the view holds a lease, after trying to get one. */
  async ensure(): Promise<boolean> {
    if (!this.view.leased) await this.look()
    return this.view.leased
  }

  /** Resolves when what the view asked for is done. */
  settled(): Promise<void> {
    return this.#working ?? Promise.resolve()
  }

  /** Judges what was read, catching up first when the log has gone on. */
  async judge(head: Head | undefined, sent: Sent): Promise<Exclude<Judgement, 'behind'>> {
    const { view } = this
    const judgement = view.judge(head, sent)
    if (judgement === 'behind' && head !== undefined) {
      await this.settled()
      if (view.incarnation !== head.incarnation || view.applied < head.seq) return 'unknown'
    } else if (judgement !== 'current') return 'unknown'
    return view.leased ? 'current' : 'unknown'
  }

  /** Everything that goes through one view goes through here, one command after another. */
  #work(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    this.#working ??= this.#steps().finally(() => {
      this.#working = undefined
    })
    return this.#working
  }

  async #steps(): Promise<void> {
    try {
      for (let step = 0; step < MAX_STEPS && this.#wanted(); step++) await this.#step()
    } catch (error) {
      this.#wants = nothing()
      this.#options.failed(error)
    }
    if (this.#stopped) this.view.until = Number.NEGATIVE_INFINITY
    this.#watch()
  }

  #wanted(): boolean {
    const { probe, replay, rotate } = this.#wants
    return probe || replay || rotate !== undefined
  }

  async #step(): Promise<void> {
    const { store, replica, maxStaleness } = this.#options
    const wants = this.#wants
    const { view, index } = this
    if (wants.rotate !== undefined) {
      const doomed = wants.rotate
      wants.rotate = undefined
      await store.rotate(index, doomed)
      this.#options.report('rotated', index)
      wants.probe = true
      return
    }
    const sent = view.sent()
    if (wants.replay && view.joined) {
      wants.replay = false
      view.replayed(await store.replay(index, view.applied), sent)
      return
    }
    wants.replay = false
    wants.probe = false
    view.probed(await store.probe(index, replica, maxStaleness, !view.joined), sent)
  }

  /** Tells when L1 goes in or out of service. */
  #watch(): void {
    if (this.view.leased === this.#live) return
    this.#live = this.view.leased
    this.#options.report(this.#live ? 'live' : 'degraded', this.index)
  }

  #schedule(): void {
    const { clock, maxStaleness } = this.#options
    this.#cancelTick = clock.after(maxStaleness / PROBES_PER_T, () => {
      this.#schedule()
      this.#watch()
      this.probe()
    })
  }
}

const nothing = (): { probe: boolean; replay: boolean; rotate: number | undefined } => ({
  probe: false,
  replay: false,
  rotate: undefined,
})
