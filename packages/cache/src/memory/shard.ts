import { INCARNATION_OFFSET, identityOf, readHeader, SEQ_OFFSET } from '../codec/entry.ts'
import type {
  BeginReply,
  ChangeReply,
  EndReply,
  Fill,
  HeadReply,
  LeaseAnswer,
  LeaseAsk,
  Note,
  ProbeReply,
  ReadReply,
  ReplayReply,
  SetReply,
  Write,
} from '../ports.ts'
import type { Guards } from '../protocol/guards.ts'
import type { Change, Head, Invalidation } from '../protocol/history.ts'
import { MAX_MARKERS, Markers, markersOf } from '../protocol/markers.ts'
import { MAX_REPLAY } from '../protocol/shard-view.ts'

/** Longer names, in bytes, are not looked up among the prefixes: they count as covered. */
const MAX_NAME = 512
/** How many changes the log keeps. */
const LOG_LENGTH = 10_000
/** With fewer entries than these nobody looks for those that have expired. */
const SWEEP_FROM = 1000

interface Stored {
  readonly bytes: Buffer
  readonly expiresAt: number
}
interface Lease {
  readonly token: string
  expiresAt: number
  awaited: boolean
}
interface Intent {
  readonly expiresAt: number
  readonly incarnation: number
  readonly seq: number
  contended: boolean
}

/** What Redis holds of one shard. A copy of it is a snapshot. */
export interface ShardState {
  head: Head | undefined
  /** On which the incarnation began. */
  server: string | undefined
  readonly entries: Map<string, Stored>
  readonly leases: Map<string, Lease>
  readonly intents: Map<string, Map<string, Intent>>
  /** The one set longest ago comes first. */
  readonly markers: Map<string, number>
  floor: number
  /** Until when each may hold a lease on its L1. */
  readonly replicas: Map<string, number>
  log: Change[]
}

export const emptyShard = (): ShardState => ({
  head: undefined,
  server: undefined,
  entries: new Map(),
  leases: new Map(),
  intents: new Map(),
  markers: new Map(),
  floor: 0,
  replicas: new Map(),
  log: [],
})

/** What a shard asks of the server that it lies in. */
export interface ShardSurroundings {
  /** The server's wall clock, in ms. */
  readonly time: () => number
  /** A whole number below 2^52. */
  readonly randomIncarnation: () => number
  readonly token: () => string
  /** Which server this is: another after each restart or failover. */
  readonly server: () => string
  readonly publish: (message: Change | { filled: readonly string[] }) => void
  readonly guards: Guards
}

/**
 * The scripts, one method each, over one shard in memory: the same contract as the Lua files, word for word, so that the
 * same suite holds for both. Each method is one atomic step.
 */
export class MemoryShard {
  state = emptyShard()
  #sweepAt = SWEEP_FROM
  readonly #around: ShardSurroundings

  constructor(around: ShardSurroundings) {
    this.#around = around
  }

  read(names: readonly string[]): ReadReply {
    return { head: this.state.head, entries: names.map((name) => this.#entry(name)) }
  }

  lease(asks: readonly LeaseAsk[], ms: number): HeadReply & { answers: LeaseAnswer[] } {
    const reply = this.#reply()
    return { ...reply, answers: asks.map((ask) => this.#lease(ask, ms)) }
  }

  renew(name: string, token: string, ms: number): boolean {
    const lease = this.#liveLease(name)
    if (lease?.token !== token) return false
    lease.expiresAt = this.#around.time() + ms
    return true
  }

  fill(fills: readonly Fill[]): boolean[] {
    const { head } = this.#reply()
    const woken: string[] = []
    const results = fills.map(({ name, token, incarnation, bytes, lifetime }) => {
      const lease = this.#liveLease(name)
      const holds = lease?.token === token
      if (holds) {
        this.state.leases.delete(name)
        if (lease.awaited) woken.push(name)
      }
      const { fillLease, incarnation: incarnations } = this.#around.guards
      const stands = (holds || !fillLease) && (head.incarnation === incarnation || !incarnations)
      if (!stands || bytes === undefined || lifetime <= 0) return false
      this.#store(name, bytes, lifetime)
      return true
    })
    if (woken.length > 0) this.#around.publish({ filled: woken })
    return results
  }

  touch(entries: readonly { name: string; lifetime: number }[]): void {
    for (const { name, lifetime } of entries) {
      const bytes = this.#entry(name)
      if (bytes) this.#store(name, bytes, lifetime)
    }
  }

  invalidate(what: Invalidation, note: Note): ChangeReply {
    this.#reply()
    return this.#invalidate(what, note)
  }

  evictPresent(names: readonly string[], note: Note): ChangeReply | undefined {
    this.#reply()
    const present = names.filter(
      (name) =>
        this.#entry(name) ??
        this.#liveLease(name) ??
        this.#liveIntents(name).find(({ contended }) => !contended),
    )
    if (present.length === 0) return undefined
    return this.#invalidate({ keys: present, tags: [], prefixes: [], caches: [] }, note)
  }

  set(write: Write, version: number | undefined, note: Note): SetReply {
    const { head } = this.#reply()
    const bytes = this.#entry(write.name)
    const header = bytes && readHeader(bytes)
    const live = header !== undefined && this.#live(write.name, header, head)
    const stored = live ? header.version : undefined
    if (version !== undefined && stored !== undefined && version < stored) {
      return { ...this.#reply(), ...this.#unchanged(note), result: 'refused' }
    }
    const older = version === undefined || (stored !== undefined && stored < version)
    const free = this.#liveIntents(write.name).length === 0 || !this.#around.guards.intent
    const store = older && free && write.lifetime > 0
    const reply = this.#invalidate(only([write.name]), note)
    if (store) this.#write(write, reply.head)
    return { ...reply, result: store ? 'stored' : 'invalidated' }
  }

  begin(names: readonly string[], token: string, ms: number, note: Note): BeginReply {
    this.#replyHere()
    const met = new Set(names.filter((name) => this.#liveIntents(name).length > 0))
    const reply = this.#invalidate(only(names), note)
    const { incarnation, seq } = reply.head
    for (const name of names) {
      const intents = this.state.intents.get(name) ?? new Map<string, Intent>()
      intents.set(token, { expiresAt: reply.time + ms, incarnation, seq, contended: met.has(name) })
      this.state.intents.set(name, intents)
    }
    const replicas = [...this.state.replicas].flatMap(([replica, until]) =>
      until > reply.time ? replica : [],
    )
    return { ...reply, replicas, leasedUntil: Math.max(0, ...this.state.replicas.values()) }
  }

  end(
    names: readonly string[],
    token: string,
    incarnation: number,
    writes: readonly Write[],
    note: Note,
  ): EndReply {
    const { head, time } = this.#replyHere()
    const own = names.map((name) => this.state.intents.get(name)?.get(token))
    const stood =
      head.incarnation === incarnation &&
      own.every((intent) => intent !== undefined && intent.expiresAt > time)
    const alone = own.every((intent) => intent !== undefined && !intent.contended)
    for (const name of names) this.#removeIntent(name, token)
    const begun = own[0]?.seq ?? 0
    const unmarked = writes.every(({ name, bytes }) => {
      const header = readHeader(bytes)
      return header !== undefined && !this.#covered(name, header.tags, begun)
    })
    const clear = alone || !this.#around.guards.contended
    const store = writes.length > 0 && stood && clear && unmarked
    const reply = this.#invalidate(only(names), note)
    if (store) for (const write of writes) this.#write(write, reply.head)
    return { ...reply, stood, stored: store }
  }

  probe(replica: string, within: number, markers: boolean): ProbeReply {
    const reply = this.#replyHere()
    const { replicas, markers: seqs, floor } = this.state
    for (const [id, until] of replicas) if (until <= reply.time) replicas.delete(id)
    replicas.set(replica, reply.time + within)
    return { ...reply, markers: markers ? { seqs: [...seqs], floor } : undefined }
  }

  replay(after: number): ReplayReply {
    return { ...this.#reply(), changes: this.state.log.filter(({ seq }) => seq > after).slice(0, MAX_REPLAY) }
  }

  rotate(expected: number): HeadReply {
    const { head } = this.#reply()
    if (head.incarnation === expected) this.#renew()
    return this.#reply()
  }

  leave(replica: string): void {
    this.state.replicas.delete(replica)
  }

  names(): string[] {
    return [...this.state.entries.keys()].filter((name) => this.#entry(name))
  }

  drop(entries: readonly { name: string; identity: string }[]): number {
    const dropped = entries.filter(({ name, identity }) => {
      const bytes = this.#entry(name)
      return bytes !== undefined && identityOf(bytes) === identity && this.state.entries.delete(name)
    })
    return dropped.length
  }

  /** Every script begins so: a head that is missing is replaced, and what belonged to the old one goes. */
  #reply(): HeadReply {
    if (this.state.head === undefined) this.#renew()
    const { head } = this.state
    if (head === undefined) throw new Error('a shard without a head')
    return { head, time: this.#around.time() }
  }

  /** The same, and a new history when this server is not the one on which the present one began. */
  #replyHere(): HeadReply {
    this.#reply()
    if (this.state.server !== this.#around.server() && this.#around.guards.incarnation) this.#renew()
    return this.#reply()
  }

  #renew(): void {
    this.state.server = this.#around.server()
    this.state.head = {
      incarnation: this.#around.randomIncarnation(),
      seq: 0,
      token: this.#around.token(),
      born: this.#around.time(),
    }
    this.state.log = []
    this.state.markers.clear()
    this.state.floor = 0
  }

  #invalidate(what: Invalidation, { origin, acknowledge = false }: Note): ChangeReply {
    const { head, time } = this.#reply()
    let removed = 0
    for (const name of what.keys) {
      if (this.#entry(name)) removed++
      this.state.entries.delete(name)
      this.state.leases.delete(name)
      for (const intent of this.#liveIntents(name)) intent.contended = true
    }
    const next: Head = { ...head, seq: head.seq + 1, token: this.#around.token() }
    const change: Change = {
      keys: what.keys,
      tags: what.tags,
      prefixes: what.prefixes,
      caches: what.caches,
      incarnation: head.incarnation,
      seq: next.seq,
      previous: head.token,
      token: next.token,
      origin,
      acknowledge,
    }
    this.state.head = next
    for (const marker of markersOf(what)) this.#mark(marker, next.seq)
    this.state.log.push(change)
    if (this.state.log.length > LOG_LENGTH) this.state.log.shift()
    this.#around.publish(change)
    return { head: next, time, change, removed }
  }

  #mark(marker: string, seq: number): void {
    const { markers } = this.state
    markers.delete(marker)
    markers.set(marker, seq)
    if (markers.size <= MAX_MARKERS) return
    for (const [oldest, dropped] of markers) {
      markers.delete(oldest)
      this.state.floor = dropped
      return
    }
  }

  #unchanged({ origin }: Note) {
    const { head } = this.#reply()
    const { incarnation, seq, token } = head
    const nothing = { ...only([]), incarnation, seq, token, previous: token, origin, acknowledge: false }
    return { change: nothing, removed: 0 }
  }

  #lease({ name, token, rejected }: LeaseAsk, ms: number): LeaseAnswer {
    const bytes = this.#entry(name)
    if (bytes && identityOf(bytes) !== rejected) return { kind: 'entry', bytes }
    if (this.#around.guards.intent && this.#liveIntents(name).length > 0) return { kind: 'uncacheable' }
    const held = this.#liveLease(name)
    if (held) {
      held.awaited = true
      return { kind: 'wait' }
    }
    this.state.leases.set(name, { token, expiresAt: this.#around.time() + ms, awaited: false })
    return { kind: 'granted' }
  }

  #entry(name: string): Buffer | undefined {
    const entry = this.state.entries.get(name)
    return entry && entry.expiresAt > this.#around.time() ? entry.bytes : undefined
  }

  #store(name: string, bytes: Buffer, lifetime: number): void {
    this.state.entries.set(name, { bytes, expiresAt: this.#around.time() + lifetime })
    if (this.state.entries.size >= this.#sweepAt) this.#sweep()
  }

  /** What has expired goes before there is twice as much of it as of what lives. */
  #sweep(): void {
    const now = this.#around.time()
    for (const map of [this.state.entries, this.state.leases]) {
      for (const [name, { expiresAt }] of map) if (expiresAt <= now) map.delete(name)
    }
    this.#sweepAt = Math.max(SWEEP_FROM, this.state.entries.size * 2)
  }

  #write({ name, bytes, lifetime }: Write, { incarnation, seq }: Head): void {
    if (lifetime > 0) this.#store(name, restamp(bytes, incarnation, seq), lifetime)
  }

  #liveLease(name: string): Lease | undefined {
    const lease = this.state.leases.get(name)
    return lease && lease.expiresAt > this.#around.time() ? lease : undefined
  }

  #liveIntents(name: string): Intent[] {
    const now = this.#around.time()
    return [...(this.state.intents.get(name)?.values() ?? [])].filter(({ expiresAt }) => expiresAt > now)
  }

  #removeIntent(name: string, token: string): void {
    const intents = this.state.intents.get(name)
    intents?.delete(token)
    if (intents?.size === 0) this.state.intents.delete(name)
  }

  #live(name: string, header: { incarnation: number; seq: number; tags: readonly string[] }, head: Head) {
    return header.incarnation === head.incarnation && !this.#covered(name, header.tags, header.seq)
  }

  #covered(name: string, tags: readonly string[], stamp: number): boolean {
    const markers = new Markers()
    markers.load({ seqs: [...this.state.markers], floor: this.state.floor })
    if (Buffer.byteLength(name) > MAX_NAME && !markers.spare(stamp)) return true
    const cache = /^[^:]+:v\d+(?=:)/.exec(name)?.[0] ?? ''
    return markers.cover({ name, cache, tags }, stamp)
  }
}

const only = (keys: readonly string[]): Invalidation => ({ keys, tags: [], prefixes: [], caches: [] })
function restamp(bytes: Buffer, incarnation: number, seq: number): Buffer {
  const stamped = Buffer.from(bytes)
  stamped.writeDoubleBE(incarnation, INCARNATION_OFFSET)
  stamped.writeDoubleBE(seq, SEQ_OFFSET)
  return stamped
}
