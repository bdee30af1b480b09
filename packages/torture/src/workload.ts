import { now, pause } from './clock.ts'
import type { Load } from './plan.ts'
import type { Recorder, WriteOutcome } from './records.ts'
import type { Subject } from './subject.ts'

/** More reads than this are never under way at once: past it a tick begins none. */
const MAX_READS = 512
/** So many of the writes go to the first half of the keys; the others are written seldom, so that what is stale stays so. */
const HOT_SHARE = 0.9
const PROBE_PAUSE = 40

export interface WorkloadOptions {
  readonly load: Load
  readonly subject: Subject
  readonly recorder: Recorder
  readonly random: () => number
  /** @param notAfter refused after this time of the shared clock */
  readonly commit: (key: number, notAfter: number) => Promise<number>
  /** Whether this is the worker that writes the probe. */
  readonly probes: boolean
}

/** The readers and writers of one worker. Every read and write is recorded. */
export class Workload {
  readonly #options: WorkloadOptions
  readonly #reads = new Set<Promise<unknown>>()
  readonly #writers = new Set<Promise<unknown>>()
  #reading = false
  #writing = false
  #halting = false

  constructor(options: WorkloadOptions) {
    this.#options = options
  }

  /** @param warmUp how long to wait before propagation is measured, in milliseconds */
  run(warmUp: number): void {
    const { load, probes } = this.#options
    this.#reading = true
    this.#writing = true
    this.#tick()
    for (let n = 0; n < load.writers; n++) this.#writers.add(this.#writer())
    if (load.probe && probes) this.#writers.add(this.#prober(warmUp))
  }

  /** Begins no more writes, and resolves when all that were begun have ended. */
  async quiet(): Promise<void> {
    this.#writing = false
    await Promise.all(this.#writers)
  }

  /** Begins nothing more, and resolves when all that was begun has ended. */
  async stop(): Promise<void> {
    this.#reading = false
    await this.quiet()
    await Promise.all(this.#reads)
  }

  /**
   * Stops this process by SIGSTOP in the middle of a turn of the event loop: when it is resumed it goes on to read before it
   * can hear what it has missed, as a process does that was suspended while busy.
   */
  halt(): void {
    this.#halting = true
  }

  /** The version that a read of each key gives; -1 where it failed. */
  readAll(): Promise<number[]> {
    const { load, subject } = this.#options
    const keys = Array.from({ length: load.keys }, (_, key) => key)
    return Promise.all(
      keys.map((key) =>
        subject.read(key).then(
          ({ version }) => version,
          () => -1,
        ),
      ),
    )
  }

  /** Commits to each key by `mutate`, and ends this process by SIGKILL before any of these returns. */
  die(keys: readonly number[]): void {
    const { subject, recorder, commit } = this.#options
    let left = keys.length
    for (const key of keys) {
      const killed = async (lastsFor: number) => {
        await commit(key, now() + lastsFor)
        left--
        if (left === 0) {
          recorder.flush()
          process.kill(process.pid, 'SIGKILL')
        }
        await new Promise(() => {})
      }
      void this.#untilBegun(() => subject.mutate(key, killed, 'none'))
    }
  }

  /** Again when Redis was away for a moment and nothing was begun. */
  async #untilBegun(mutate: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await mutate()
        return
      } catch {
        await pause(20)
      }
    }
  }

  /** One turn of the readers. They never wait for one another, as requests of a service do not. */
  #tick(): void {
    if (!this.#reading) return
    const { load, random } = this.#options
    if (this.#halting) {
      this.#halting = false
      process.kill(process.pid, 'SIGSTOP')
      for (let key = 0; key < load.keys; key++) this.#begin(key)
    }
    if (this.#reads.size < MAX_READS) {
      if (load.probe) this.#begin(load.keys)
      for (let n = 0; n < load.readsEach; n++) this.#begin(Math.floor(random() * load.keys))
    }
    setTimeout(() => this.#tick(), 1)
  }

  #begin(key: number): void {
    const read = this.#readOne(key).finally(() => this.#reads.delete(read))
    this.#reads.add(read)
  }

  async #readOne(key: number): Promise<void> {
    const { subject, recorder } = this.#options
    const began = now()
    try {
      const { version, from } = await subject.read(key)
      recorder.read({ key, version, began, ended: now(), from })
    } catch {
      recorder.read({ key, version: -1, began, ended: now(), from: 'failed' })
    }
  }

  async #writer(): Promise<void> {
    const { load, random } = this.#options
    while (this.#writing) {
      await pause(-Math.log(1 - random()) * load.writePause)
      if (!this.#writing) return
      const hot = random() < HOT_SHARE
      const key = Math.floor((random() + (hot ? 0 : 1)) * (load.keys / 2))
      if (key >= load.written) continue
      if (load.writes === 'both' && random() < 0.5) await this.#commitThenInvalidate(key)
      else await this.#mutate(key, load.writes === 'mutate-for-fleet' ? 'fleet' : 'none')
    }
  }

  async #prober(warmUp: number): Promise<void> {
    await pause(warmUp)
    while (this.#writing) {
      await pause(PROBE_PAUSE)
      await this.#commitThenInvalidate(this.#options.load.keys)
    }
  }

  async #commitThenInvalidate(key: number): Promise<void> {
    const { subject, commit } = this.#options
    const version = await commit(key, Number.POSITIVE_INFINITY)
    await this.#write(
      key,
      () => subject.invalidate(key),
      () => version,
    )
  }

  async #mutate(key: number, wait: 'none' | 'fleet'): Promise<void> {
    const { subject, commit } = this.#options
    let version = 0
    const fn = async (lastsFor: number) => {
      version = await commit(key, now() + lastsFor)
    }
    await this.#write(
      key,
      () => subject.mutate(key, fn, wait),
      () => version,
    )
  }

  /** Version 0 in a record: it never came to the commit. */
  async #write(key: number, send: () => Promise<WriteOutcome>, version: () => number): Promise<void> {
    const began = now()
    const outcome = await send().catch((): WriteOutcome => 'failed')
    this.#options.recorder.write({ key, version: version(), began, ended: now(), outcome })
  }
}
