import { now, pause } from './clock.ts'

/** A commit, as the database did it. */
export interface Commit {
  readonly key: number
  readonly version: number
  /** By the clock that all processes share. */
  readonly at: number
}

/** How long a load takes, in milliseconds: somewhere in between. */
export interface LoadTime {
  readonly from: number
  readonly to: number
}

/**
 * The source of truth: a version for each key, in the controller's memory. Its commits happen one after another, each at
 * one moment, so that the history of each key is known exactly.
 */
export class Database {
  readonly commits: Commit[] = []
  readonly #versions: number[]
  readonly #loadTime: LoadTime
  readonly #random: () => number
  readonly #probe: number

  /** @param keys how many there are; after them comes the probe, which loads at once */
  constructor(keys: number, loadTime: LoadTime, random: () => number) {
    this.#versions = Array.from({ length: keys + 1 }, () => 0)
    this.#probe = keys
    this.#loadTime = loadTime
    this.#random = random
  }

  /** What a key is at. Version 0 is there from the beginning. */
  version(key: number): number {
    return this.#versions[key] ?? 0
  }

  /** Reads as a loader does: it looks at once, and the answer takes its time to arrive, which is the hard case. */
  async load(key: number): Promise<number> {
    const version = this.version(key)
    const { from, to } = this.#loadTime
    if (to > 0 && key !== this.#probe) await pause(from + this.#random() * (to - from))
    return version
  }

  /**
   * Raises a key's version.
   *
   * @param notAfter the time after which it must refuse, as the helper in a transaction does
   * @throws when it is too late
   */
  commit(key: number, notAfter: number): number {
    const at = now()
    if (at > notAfter) throw new Error('too late to commit')
    const version = this.version(key) + 1
    this.#versions[key] = version
    this.commits.push({ key, version, at })
    return version
  }
}
