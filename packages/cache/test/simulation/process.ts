import type { Clock } from '@lockstep/redis'
import type { Random, Scheduler } from './scheduler.ts'

/** When the simulation begins, by every wall clock that was not touched. */
export const EPOCH = 1_700_000_000_000

/** How long after a resume it takes until anything arrives from outside, in ms. */
const WAKING = 0.2

interface Held {
  readonly action: () => void
  /** On the monotonic clock; undefined for what comes from a socket. */
  readonly due?: number
  readonly cancelled?: () => boolean
}

export interface ClockRates {
  /** Seconds a second. */
  readonly monotonic: number
  readonly wall: number
}

/**
 * One process with its own clocks. It can be stopped (both clocks go on), suspended with its machine (the monotonic clock
 * stands still), killed, and have its wall clock stepped. What happens to it meanwhile waits: when it goes on, timers that
 * are due run first, then what came from sockets, in order.
 */
export class SimProcess implements Clock {
  readonly id: string
  readonly index: number
  alive = true
  /** How long it has been stopped or suspended so far, in true ms. */
  pausedFor = 0
  readonly #scheduler: Scheduler
  readonly #rates: ClockRates
  readonly #random: Random
  readonly #ran: (process: SimProcess) => void
  #paused: 'no' | 'stopped' | 'suspended' = 'no'
  #pausedAt = 0
  #suspendedFor = 0
  #stepped = 0
  #held: Held[] = []

  /** @param ran is told after each event that ran in the process */
  constructor(
    scheduler: Scheduler,
    options: {
      id: string
      index: number
      rates: ClockRates
      random: Random
      ran: (process: SimProcess) => void
    },
  ) {
    this.#scheduler = scheduler
    this.id = options.id
    this.index = options.index
    this.#rates = options.rates
    this.#random = options.random
    this.#ran = options.ran
  }

  get paused(): boolean {
    return this.#paused !== 'no'
  }

  readonly now = (): number => {
    const standing = this.#paused === 'suspended' ? this.#scheduler.now - this.#pausedAt : 0
    return (this.#scheduler.now - this.#suspendedFor - standing) * this.#rates.monotonic
  }

  readonly wall = (): number => Math.floor(EPOCH + this.#scheduler.now * this.#rates.wall + this.#stepped)

  readonly after = (ms: number, action: () => void): (() => void) => {
    let cancelled = false
    const due = this.now() + Math.max(1, ms) + this.#random.next()
    this.#timer({ due, action, cancelled: () => cancelled })
    return () => {
      cancelled = true
    }
  }

  readonly soon = (action: () => void): void => this.receive(this.#scheduler.now, action)

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Something arrives from outside, at a true time. */
  receive(time: number, action: () => void): void {
    this.#scheduler.at(time, () => this.#run({ action }))
  }

  kill(): void {
    this.alive = false
    this.#held = []
  }

  stepWall(ms: number): void {
    this.#stepped += ms
  }

  pause(how: 'stopped' | 'suspended'): boolean {
    if (this.paused || !this.alive) return false
    this.#paused = how
    this.#pausedAt = this.#scheduler.now
    return true
  }

  get suspended(): boolean {
    return this.#paused === 'suspended'
  }

  resume(): void {
    if (!this.paused) return
    const lasted = this.#scheduler.now - this.#pausedAt
    this.pausedFor += lasted
    if (this.#paused === 'suspended') this.#suspendedFor += lasted
    this.#paused = 'no'
    const held = this.#held
    this.#held = []
    const timers = held.filter(({ due }) => due !== undefined)
    timers.sort((one, other) => (one.due ?? 0) - (other.due ?? 0))
    for (const timer of timers) this.#timer(timer)
    // To wake takes a moment, in which the clock that stood still goes on.
    const awake = this.#scheduler.now + WAKING
    for (const one of held) if (one.due === undefined) this.receive(awake, one.action)
  }

  #timer(timer: Held): void {
    const left = ((timer.due ?? 0) - this.now()) / this.#rates.monotonic
    this.#scheduler.at(this.#scheduler.now + left, () => this.#run(timer))
  }

  #run(one: Held): void {
    if (!this.alive || one.cancelled?.()) return
    if (this.paused) return void this.#held.push(one)
    if (one.due !== undefined && one.due > this.now() + 1e-6) return this.#timer(one)
    one.action()
    this.#ran(this)
  }
}
