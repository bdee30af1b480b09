import type { Change } from '../../src/protocol/history.ts'
import { MAX_INTENT } from '../../src/protocol/shard-view.ts'
import { decodeMessage } from '../../src/protocol/wire.ts'
import { Loads } from './loads.ts'
import type { SimProcess } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import type { Source } from './source.ts'

export interface Violation {
  readonly guarantee: string
  readonly time: number
  readonly text: string
}

interface Mark {
  readonly now: number
  readonly wall: number
}

/** An invalidation of one entry that Redis has executed: from then on, nothing below `floor` is right. */
interface Barrier {
  readonly name: string
  readonly token: string
  readonly executed: number
  readonly origin: string
  floor: number
  /** The clocks of all processes when T began to count; undefined while it does not. */
  marks: readonly Mark[] | undefined
  /** Since when Redis stands by it: when it was executed, or when a loss of it was made good by a new incarnation. */
  anchor: number
}

interface Loss {
  readonly time: number
  /** What Redis knew after this time is gone. */
  readonly taken: number
  readonly how: 'restart' | 'rollback' | 'flush'
  /** When a new incarnation began. */
  made: number
}

interface Mutation {
  readonly process: SimProcess
  readonly name: string
  readonly version: number
  /** The mutation was called, and its intent was declared after that: at this time at the latest. */
  readonly called: number
  readonly begun: number
  readonly committed: number
  readonly lifetime: number
  promised: boolean
}

export interface Read {
  readonly process: SimProcess
  readonly name: string
  readonly begun: number
  readonly mark: Mark
  readonly pausedFor: number
  /** What the process has written, or was handed the token of: it may read nothing below. */
  readonly promised: number
  /** The same for what it has evicted, unless that is lost meanwhile. */
  readonly evicted: number
  readonly losses: number
  version: number
}

/** Keeps the history of a run, and says which guarantee it breaks. */
export class Checker {
  readonly violations: Violation[] = []
  readonly loads = new Loads()
  readonly names: readonly string[]
  readonly #scheduler: Scheduler
  readonly #source: Source
  readonly #prefix: string
  readonly #maxStaleness: number
  readonly #processes: readonly SimProcess[]
  readonly #barriers: Barrier[] = []
  readonly #byToken = new Map<string, Barrier[]>()
  readonly #losses: Loss[] = []
  readonly #mutations: Mutation[] = []
  readonly #reads: Read[] = []
  readonly #l2Floor = new Map<string, number>()
  readonly #heard = new Map<string, Map<string, number>>()
  /** When each was first heard. */
  readonly #heardBarriers = new Map<string, Map<Barrier, number>>()
  readonly #own = new Map<string, Map<string, number>>()
  readonly #changes = new Map<string, Change>()
  readonly #learned = new Map<string, { readonly incarnation: number; readonly executed: number }>()
  #fresh: Barrier[] = []
  /** New incarnations begun, the first one not counted. */
  rotations = -1

  constructor(options: {
    scheduler: Scheduler
    source: Source
    names: readonly string[]
    prefix: string
    maxStaleness: number
    processes: readonly SimProcess[]
  }) {
    this.#scheduler = options.scheduler
    this.#source = options.source
    this.names = options.names
    this.#prefix = options.prefix
    this.#maxStaleness = options.maxStaleness
    this.#processes = options.processes
  }

  get losses(): number {
    return this.#losses.length
  }

  get reads(): number {
    return this.#reads.length
  }

  violate(guarantee: string, text: string): void {
    this.violations.push({ guarantee, time: this.#scheduler.now, text })
  }

  /** A message of Redis, at the moment at which its script publishes it. */
  published(payload: string): void {
    const received = decodeMessage(this.#prefix, [], payload)
    if (received.kind !== 'change') return
    const { change } = received
    this.#changes.set(payload, change)
    const covered = this.names.filter(
      (name) =>
        change.keys.includes(name) ||
        this.#source.tagsOf(name).some((tag) => change.tags.includes(tag)) ||
        change.prefixes.some((prefix) => name.startsWith(prefix)) ||
        change.caches.some((cache) => name.startsWith(`${cache}:`)),
    )
    const time = this.#scheduler.now
    const marks = this.#marks()
    const barriers = covered.map(
      (name): Barrier => ({
        name,
        token: change.token,
        executed: time,
        origin: change.origin,
        floor: this.#source.current(name),
        marks,
        anchor: time,
      }),
    )
    for (const { name } of barriers) this.loads.disturbed(name, time)
    this.#byToken.set(change.token, barriers)
    this.#barriers.push(...barriers)
    this.#fresh.push(...barriers)
  }

  /** The script that published has ended: what it wrote through itself is right as far as it knows. */
  executed(readable: (name: string) => number | undefined): void {
    for (const barrier of this.#fresh) {
      const { name } = barrier
      barrier.floor = Math.min(barrier.floor, readable(name) ?? Number.POSITIVE_INFINITY)
      raise(this.#l2Floor, name, barrier.floor)
    }
    this.#fresh = []
  }

  /** A process has handled a message. */
  heard({ id, index }: SimProcess, payload: string): void {
    const change = this.#changes.get(payload)
    if (change === undefined) return
    // A group voids every read under way: nobody knows yet what will be in it.
    const voided = change.tags.length + change.prefixes.length > 0 ? this.names : change.keys
    for (const name of voided) this.loads.evicted(index, name, this.#scheduler.now)
    for (const barrier of this.#byToken.get(change.token) ?? []) {
      if (barrier.anchor > this.#scheduler.now) continue
      // A group of another history cannot be compared with what is under way: only T bounds what follows.
      if (!this.#follows(id, change.incarnation) && !change.keys.includes(barrier.name)) continue
      raise(
        within(this.#heard, id, () => new Map<string, number>()),
        barrier.name,
        barrier.floor,
      )
      const heard = within(this.#heardBarriers, id, () => new Map<Barrier, number>())
      if (!heard.has(barrier)) heard.set(barrier, this.#scheduler.now)
    }
  }

  /** The incarnation that Redis was in when it last answered a process, and when that was. */
  learned(id: string, incarnation: number, executed: number): void {
    this.#learned.set(id, { incarnation, executed })
  }

  /** Whether a process can know the history that Redis is in now. */
  #follows(id: string, incarnation: number): boolean {
    const learned = this.#learned.get(id)
    return learned?.incarnation === incarnation && learned.executed > (this.#losses.at(-1)?.time ?? -1)
  }

  /** A new incarnation has begun: what was lost is made good. */
  began(): void {
    const time = this.#scheduler.now
    this.rotations++
    if (this.rotations > this.#losses.length)
      this.violate('rotation', 'a new incarnation, and nothing was lost')
    for (const loss of this.#losses) if (loss.made === Number.POSITIVE_INFINITY) loss.made = time
    for (const barrier of this.#barriers) {
      if (barrier.anchor !== Number.POSITIVE_INFINITY) continue
      barrier.anchor = time
      barrier.marks ??= this.#marks()
    }
    this.#recount()
  }

  /** Redis forgets what it learnt after a time. */
  lost(taken: number, how: Loss['how']): void {
    const time = this.#scheduler.now
    this.#losses.push({ time, taken, how, made: Number.POSITIVE_INFINITY })
    for (const barrier of this.#barriers) {
      if (barrier.anchor <= taken) continue
      barrier.anchor = Number.POSITIVE_INFINITY
      barrier.marks = how === 'rollback' ? undefined : this.#marks()
      // Whoever heard of it may not have joined this history: only T bounds what follows.
      for (const heard of this.#heardBarriers.values()) heard.delete(barrier)
    }
    this.#recount()
  }

  inL2(name: string, version: number): void {
    const floor = this.#l2Floor.get(name) ?? 0
    if (version < floor) this.violate('G2', `${name} lies in L2 at ${version}, invalidated below ${floor}`)
  }

  inL1({ id }: SimProcess, name: string, version: number): void {
    const heard = this.#heard.get(id)?.get(name) ?? 0
    if (version < heard)
      this.violate('G2', `${name} lies in L1 of ${id} at ${version}, evicted below ${heard}`)
    const own = this.#own.get(id)?.get(name) ?? 0
    if (version < own) this.violate('G3', `${name} lies in L1 of ${id} at ${version}, which wrote ${own}`)
  }

  /** A write of this process has resolved. */
  wrote({ id }: SimProcess, name: string, version: number): void {
    raise(
      within(this.#own, id, () => new Map<string, number>()),
      name,
      version,
    )
  }

  begin(process: SimProcess, name: string, handed = 0): Read {
    const own = this.#own.get(process.id)?.get(name) ?? 0
    const heard = this.#heard.get(process.id)?.get(name) ?? 0
    return {
      process,
      name,
      begun: this.#scheduler.now,
      mark: { now: process.now(), wall: process.wall() },
      pausedFor: process.pausedFor,
      promised: Math.max(own, handed),
      evicted: heard,
      losses: this.#losses.length,
      version: -1,
    }
  }

  end(read: Read, version: number): void {
    read.version = version
    this.#reads.push(read)
    const evicted = this.#losses.length === read.losses ? read.evicted : this.#evictedStill(read)
    const atLeast = Math.max(read.promised, evicted)
    if (version >= atLeast) return
    this.violate(
      atLeast === evicted ? 'G2' : 'G3',
      `${read.process.id} read ${read.name} at ${version}, not ${atLeast}: ${begunAt(read)}`,
    )
  }

  /** What Redis lost while a read was under way, that read may find again: from then on only T bounds it. */
  #evictedStill({ process, name, begun, evicted }: Read): number {
    const heard = [...(this.#heardBarriers.get(process.id) ?? [])]
    const still = heard.filter(([barrier, time]) => barrier.name === name && time <= begun)
    return Math.min(evicted, Math.max(0, ...still.map(([{ floor }]) => floor)))
  }

  /** Work of a mutation commits now. */
  committed(process: SimProcess, name: string, version: number, called: number, lifetime: number): Mutation {
    const begin = this.#barriers.findLast((one) => one.name === name && one.origin === process.id)
    const committed = this.#scheduler.now
    const begun = begin?.executed ?? committed
    const mutation = { process, name, version, called, begun, committed, lifetime, promised: false }
    this.#mutations.push(mutation)
    return mutation
  }

  /** Judges all reads, when the run is over. */
  finish(): void {
    const slack = this.#maxStaleness / 1000 + 2
    for (const read of this.#reads) {
      for (const barrier of this.#barriers) {
        if (barrier.name !== read.name || read.version >= barrier.floor || barrier.executed > read.begun)
          continue
        const mark = barrier.marks?.[read.process.index]
        if (mark === undefined) continue
        const age = Math.max(read.mark.now - mark.now, read.mark.wall - mark.wall)
        if (age <= this.#maxStaleness + slack) continue
        const times = `invalidated at ${barrier.executed.toFixed(1)}, ${age.toFixed(0)} ms before: ${begunAt(read)}`
        this.violate(
          'G1',
          `${read.process.id} read ${read.name} at ${read.version}, not ${barrier.floor}; ${times}`,
        )
        break
      }
      for (const mutation of this.#mutations) this.#judge(read, mutation, slack)
    }
  }

  #judge(read: Read, mutation: Mutation, slack: number): void {
    const { name, version, called, begun, committed, lifetime, promised } = mutation
    if (read.name !== name || read.version >= version || read.begun <= committed) return
    const text = `${read.process.id} read ${name} at ${read.version}, not ${version}, committed at ${committed.toFixed(1)}`
    const undoing = this.#losses.filter(
      ({ time, taken }) => taken < begun && time > called && time <= read.begun,
    )
    if (promised && undoing.length === 0) this.violate('G5', `${text}: ${begunAt(read)}`)
    let end = begun + lifetime
    for (const { made } of undoing) end = Math.max(end, made)
    for (const { time, made } of this.#losses) {
      if (time > called && time <= begun + lifetime) end = Math.max(end, made + MAX_INTENT)
    }
    if (read.begun > end + this.#maxStaleness + slack) this.violate('G4', `${text}: ${begunAt(read)}`)
  }

  #recount(): void {
    this.#l2Floor.clear()
    for (const { anchor, name, floor } of this.#barriers) {
      if (anchor !== Number.POSITIVE_INFINITY) raise(this.#l2Floor, name, floor)
    }
    this.#heard.clear()
    for (const [id, barriers] of this.#heardBarriers) {
      const floors = within(this.#heard, id, () => new Map<string, number>())
      for (const { anchor, name, floor } of barriers.keys()) {
        if (anchor !== Number.POSITIVE_INFINITY) raise(floors, name, floor)
      }
    }
  }

  #marks(): readonly Mark[] {
    return this.#processes.map((process) => ({ now: process.now(), wall: process.wall() }))
  }
}

const begunAt = ({ begun }: Read): string => `begun at ${begun.toFixed(1)}`

function raise(floors: Map<string, number>, name: string, floor: number): void {
  if (floor > (floors.get(name) ?? 0)) floors.set(name, floor)
}

function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
