import type { SimProcess } from './process.ts'
import type { Random, Scheduler } from './scheduler.ts'

/** A value as the source holds it: nothing but its version. */
export interface Item {
  readonly key: string
  readonly version: number
}

export const isItem = (stored: unknown): stored is Item =>
  typeof stored === 'object' && stored !== null && 'key' in stored && 'version' in stored

/** The source itself failed: the only reason for which a read may fail. */
export class SourceError extends Error {}

export interface SourcePlan {
  /** How long a load takes, in ms. */
  readonly takes: readonly [from: number, to: number]
  readonly fails: number
}

/** The database: each entry has a version, which every commit raises by one. It lives on whatever becomes of its clients. */
export class Source {
  calm = false
  readonly #versions = new Map<string, number>()
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #plan: SourcePlan

  constructor(scheduler: Scheduler, random: Random, plan: SourcePlan) {
    this.#scheduler = scheduler
    this.#random = random
    this.#plan = plan
  }

  current(name: string): number {
    return this.#versions.get(name) ?? 1
  }

  commit(name: string): number {
    const version = this.current(name) + 1
    this.#versions.set(name, version)
    this.#scheduler.mix(version)
    return version
  }

  /** Entries that begin alike share a tag. */
  tagsOf(name: string): readonly string[] {
    return [`tag:${name.slice(0, -1)}`]
  }

  /** Reads at some moment between the question and the answer. */
  load(process: SimProcess, names: readonly string[]): Promise<number[]> {
    const { promise, resolve, reject } = Promise.withResolvers<number[]>()
    const [from, to] = this.#plan.takes
    const whole = this.#random.between(from, to)
    const reads = this.#scheduler.now + whole * this.#random.next()
    const ends = this.#scheduler.now + whole
    const fails = !this.calm && this.#random.chance(this.#plan.fails)
    this.#scheduler.at(reads, () => {
      const versions = names.map((name) => this.current(name))
      process.receive(ends, () => (fails ? reject(new SourceError()) : resolve(versions)))
    })
    return promise
  }
}
