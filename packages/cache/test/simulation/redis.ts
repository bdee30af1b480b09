import { readHeader } from '../../src/codec/entry.ts'
import { emptyShard, type ShardState } from '../../src/memory/shard.ts'
import type { MemoryServer } from '../../src/memory/transport.ts'
import type { BusListener } from '../../src/ports.ts'
import { Markers } from '../../src/protocol/markers.ts'
import type { Checker } from './checker.ts'
import type { SimProcess } from './process.ts'
import type { Scheduler } from './scheduler.ts'

export interface Snapshot {
  readonly taken: number
  readonly state: ShardState
}

/** The Redis of the simulation: the memory server, what can happen to it, and the checker's eye on all of it. */
export class SimRedis {
  up = true
  /** Down: whether connections are refused, or hang. */
  refuses = true
  readonly server: MemoryServer
  readonly #scheduler: Scheduler
  readonly #checker: Checker
  readonly #executed: (result: unknown, process: SimProcess) => void
  readonly #trace: (line: () => string) => void
  /** What the last look at an entry said, and on what it was based. */
  readonly #looked = new Map<string, { stored: unknown; head: unknown; version: number | undefined }>()

  /** @param executed is shown the reply of each script */
  constructor(
    server: MemoryServer,
    scheduler: Scheduler,
    checker: Checker,
    executed: (result: unknown, process: SimProcess) => void,
    trace: (line: () => string) => void,
  ) {
    this.#trace = trace
    this.#executed = executed
    this.server = server
    this.#scheduler = scheduler
    this.#checker = checker
    server.listen({ up() {}, down() {}, message: (payload) => checker.published(payload) })
  }

  get state(): ShardState {
    return this.server.shard.state
  }

  /** Runs a script, and looks at what it did. */
  execute<T>(script: () => T, process: SimProcess): T {
    const before = this.state.head?.incarnation
    const result = script()
    const { head } = this.state
    if (head !== undefined && head.incarnation !== before) this.#checker.began()
    this.#checker.executed((name) => this.readable(name))
    this.#executed(result, process)
    this.#look()
    return result
  }

  heard(process: SimProcess, payload: string, listener: BusListener | undefined): void {
    this.#trace(() => `${process.id} hears ${payload}`)
    listener?.message(payload)
    this.#checker.heard(process, payload)
  }

  /** A process hears what a script said, and when that was. */
  replied({ id }: SimProcess, reply: unknown, executed: number): void {
    if (isHeadReply(reply)) this.#checker.learned(id, reply.head.incarnation, executed)
  }

  snapshot(): Snapshot {
    return { taken: this.#scheduler.now, state: copyOf(this.state) }
  }

  /** The version that a reader would get of an entry; undefined when it would get none. */
  readable(name: string): number | undefined {
    const { entries, head } = this.state
    const stored = entries.get(name)
    const last = this.#looked.get(name)
    if (last !== undefined && last.stored === stored && last.head === head) return last.version
    const version = this.#versionOf(name, stored)
    this.#looked.set(name, { stored, head, version })
    return version
  }

  #versionOf(name: string, stored: { readonly bytes: Buffer } | undefined): number | undefined {
    const { head, markers, floor } = this.state
    const header = stored && readHeader(stored.bytes)
    if (header === undefined || head === undefined || header.incarnation !== head.incarnation)
      return undefined
    const covering = new Markers()
    covering.load({ seqs: [...markers], floor })
    const cache = name.slice(0, name.lastIndexOf(':'))
    return covering.cover({ name, cache, tags: header.tags }, header.seq) ? undefined : header.version
  }

  restartEmpty(): void {
    this.#checker.lost(this.#scheduler.now, 'restart')
    this.server.restart(emptyShard())
  }

  /** Comes back as another server with what it knew then. */
  restartFrom({ taken, state }: Snapshot): void {
    this.#checker.lost(taken, 'restart')
    this.#looked.clear()
    this.server.restart(copyOf(state))
  }

  /** A primary that was demoted and promoted again: the same run, and less than it knew. */
  rollBackTo({ taken, state }: Snapshot): void {
    this.#checker.lost(taken, 'rollback')
    this.#looked.clear()
    this.server.shard.state = copyOf(state)
  }

  flushAll(): void {
    this.#checker.lost(this.#scheduler.now, 'flush')
    this.server.shard.state = emptyShard()
  }

  deleteHead(): void {
    this.#checker.lost(this.#scheduler.now, 'flush')
    this.state.head = undefined
  }

  trimLog(length: number): void {
    const { state } = this
    state.log = length === 0 ? [] : state.log.slice(-length)
  }

  /** What happens when there are more markers than are kept. */
  dropMarker(): void {
    const { state } = this
    for (const [marker, seq] of state.markers) {
      state.markers.delete(marker)
      state.floor = seq
      this.#looked.clear()
      return
    }
  }

  /** What maxmemory may take: entries and leases, which have a time to live. */
  evict(name: string): void {
    this.state.entries.delete(name)
    this.state.leases.delete(name)
  }

  #look(): void {
    for (const name of this.#checker.names) {
      const version = this.readable(name)
      if (version !== undefined) this.#checker.inL2(name, version)
    }
  }
}

const isHeadReply = (reply: unknown): reply is { head: { incarnation: number } } =>
  typeof reply === 'object' && reply !== null && 'head' in reply && reply.head !== undefined

function copyOf(state: ShardState): ShardState {
  return {
    ...state,
    entries: new Map(state.entries),
    leases: new Map([...state.leases].map(([name, lease]) => [name, { ...lease }])),
    intents: new Map(
      [...state.intents].map(([name, intents]) => [
        name,
        new Map([...intents].map(([token, intent]) => [token, { ...intent }])),
      ]),
    ),
    markers: new Map(state.markers),
    replicas: new Map(state.replicas),
    log: [...state.log],
  }
}
