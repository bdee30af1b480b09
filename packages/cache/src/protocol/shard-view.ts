import type { Clock } from '@lockstep/redis'
import type { ProbeReply, ReplayReply, Markers as StoredMarkers } from '../ports.ts'
import type { Guards } from './guards.ts'
import { type Change, type Head, History } from './history.ts'
import { type Coverable, Markers, namesGroups } from './markers.ts'

/** What a view asks of the process that it lives in. All of it is synchronous, and none of it calls back. */
export interface Effects {
  /** Voids the reads under way for what is named, and removes it from L1: now, in this order. */
  evict(change: Change): void
  /** The same for everything in this shard. */
  flush(): void
  /** Probe soon: the view cannot trust what it knows. */
  probe(): void
  /** Read the log on from what was applied. */
  replay(): void
  /** This incarnation lost some of its history: begin another. */
  rotate(incarnation: number): void
  /** The change was applied, and its origin waits to hear so. */
  acknowledge(change: Change): void
}

/** What a view knew when a command was sent: its reply is judged against that, not against what came in between. */
export interface Sent {
  readonly now: number
  readonly epoch: number
  readonly doubts: number
  readonly applied: number
  readonly seen: Head
}

/** What a head that came with entries says about them. `behind`: catch up, then judge. `unknown`: do not trust them. */
export type Judgement = 'current' | 'behind' | 'unknown'

/** The part of T that a lease lasts: the clocks of two machines do not run quite alike, and ours tolerates a little. */
const LEASE_SHARE = 0.95
/** How many incarnations of the past are remembered. */
const MAX_ENDED = 100
/** Further behind than this, a view does not catch up: it joins anew, which costs it L1 but Redis next to nothing. */
export const MAX_REPLAY = 1000
/** So many incarnations that are not ours are remembered. */
const MAX_REFUTED = 100
/** Before Redis has said anything, no head is older. */
const NOTHING_SEEN: Head = { incarnation: -1, seq: -1, token: '', born: Number.NEGATIVE_INFINITY }
/** The longest life of a write intent, and so for how long an incarnation may have lost one, in ms. */
export const MAX_INTENT = 30_000

/**
 * One replica's view of one shard: a state machine without I/O.
 *
 * **What it is.** A shard's invalidations are numbered and chained: each has a seq, one above the last, and a random token,
 * and names the token before it. Redis keeps the last of them in a log, and where the chain stands in the head. A view
 * knows up to where it has applied that chain, and holds a lease on L1: the time until which L1 may be served.
 *
 * **Invariant.** While `now < until`, everything that was invalidated in Redis before the lease's probe was sent
 * has been evicted here, and no read that began before such an eviction can put its result into L1. The lease ends
 * before T has passed since it was sent. So nothing in L1 was invalidated more than T ago (G1), whatever became of the
 * messages: they make staleness short, they do not make it bounded.
 *
 * **Time.** Every hit reads the clock and compares, so a lease never outlives a pause, and no timer has to fire for that.
 * The clock is `realTime` of `@lockstep/redis`, which goes on while the process is stopped and while the machine is
 * suspended, and which nobody can set back.
 *
 * **Ordering.** Messages may be lost, repeated, late and out of order. The next in the chain is applied. A later one shows
 * a gap: what it names is evicted at once, since evicting too much does no harm, and the gap is replayed from the log. One
 * that was applied before is dropped; one from before this view joined is evicted, too, since it may be of a fork. A lease
 * is granted by a probe's reply when everything up to the probe's seq is applied, and counts from when the probe was *sent*.
 * If the log no longer reaches back, or the view is too far behind, L1 is flushed and the view joins anew.
 *
 * **Lost history.** A failover, a restart, FLUSHALL or a restored snapshot can undo invalidations. Six things give it away:
 * a head of another incarnation; one that was followed before, and left, come back; a head older than one that was applied
 * or seen when its read was sent, in the same incarnation or in one that began earlier; another token at a seq that we
 * know; a change whose `previous` is not the token before; and, in the probe's own script, a server that is not the one on
 * which the incarnation began, which needs no witness. Each ends in a new incarnation, once: rotation is conditional on the
 * old one. Entries of another incarnation read as absent, which flushes L2 in one step.
 *
 * **Writes of our own.** Whoever was told that its write is executed must not read what was there before (G3), even when
 * Redis loses the write a moment later. So the reply to a write is judged as a head, too: what it tells was seen, whether
 * or not it could be applied yet, and a Redis that does not know of it any more has lost history. A message proves as much
 * only of the incarnation that is followed: of another one, nobody can say whether it is over or was lost. Whoever has only
 * heard of what was lost is bound by T alone (G1).
 *
 * **Which head to believe.** Only the reply to a probe makes a view adopt a history: a read's or a write's may come from the
 * past, and a message from another database of the same server, too; they close the lease until a probe has looked, but
 * messages of one incarnation do so only once. `epoch` counts adoptions, and a reply to what was sent in an earlier one
 * says how far Redis had come, and nothing else.
 *
 * **Concurrency.** Every method is synchronous, and the process has one thread.
 */
export class ShardView {
  /** L1 may be served before this time. Every hit compares; nothing else decides. */
  until = Number.NEGATIVE_INFINITY
  readonly #history = new History()
  readonly #effects: Effects
  readonly #guards: Guards
  #joined = false
  /** A lease that waits until what its probe saw has been applied. */
  #awaiting: { sent: Sent; seq: number } | undefined
  readonly #markers = new Markers()
  readonly #clock: Clock
  readonly #maxStaleness: number
  #epoch = 0
  /** How often something was heard that only a later probe can explain. */
  #doubts = 0
  #born = 0
  /** Server time is our monotonic clock plus this; early by no more than a round trip. */
  #serverOffset = 0
  #lease: Sent | undefined
  #lastKnown = Number.NEGATIVE_INFINITY
  /** How far Redis has come, by its own word: a head that is asked for later must not be older. */
  #seen = NOTHING_SEEN
  #followed = -1
  /** Incarnations that lost history, or gave way to another: when one is there again, it is rotated, and never joined. */
  readonly #ended = new Set<number>()
  /** Incarnations that messages spoke of, until a probe has looked; and those that it did not find. */
  readonly #heard = new Set<number>()
  readonly #refuted = new Set<number>()

  constructor(options: { clock: Clock; maxStaleness: number; effects: Effects; guards: Guards }) {
    this.#clock = options.clock
    this.#maxStaleness = options.maxStaleness
    this.#effects = options.effects
    this.#guards = options.guards
  }

  /** Whether it follows a history. If not, its next probe must bring the markers. */
  get joined(): boolean {
    return this.#joined
  }

  get applied(): number {
    return this.#history.applied
  }

  get incarnation(): number {
    return this.#history.incarnation
  }

  /** When the incarnation began, by the server's clock. */
  get born(): number {
    return this.#born
  }

  /** Whether L1 may be served, and L2 trusted. */
  get leased(): boolean {
    return this.#clock.now() < this.until
  }

  /** When the probe of the last lease was sent, on the monotonic clock: everything older was known here. */
  get lastKnown(): number {
    return this.#lastKnown
  }

  /** The server's time now, as far as is known. */
  serverTime(now: number = this.#clock.now()): number {
    return now + this.#serverOffset
  }

  /** Whether this point of a history has been applied; a history that has another token there is another one. */
  has({ incarnation, seq, token }: { incarnation: number; seq: number; token: string }): boolean {
    return incarnation === this.incarnation && seq <= this.applied && !this.#forked(seq, token)
  }

  /** Until when, by the server, the incarnation may have lost a write intent. */
  get youthEnd(): number {
    return this.#born + MAX_INTENT
  }

  /** What is to be handed back with the reply to a command that is sent now. */
  sent(): Sent {
    const { applied } = this.#history
    return { now: this.#clock.now(), epoch: this.#epoch, doubts: this.#doubts, applied, seen: this.#seen }
  }

  /** Whether an entry is fresh whatever it is called and tagged with: the answer for nearly all of them. */
  surelyFresh(incarnation: number, stamp: number): boolean {
    return incarnation === this.#history.incarnation && this.#markers.spare(stamp)
  }

  /** Whether an entry of this incarnation, stamped so, has not been invalidated by a marker. */
  fresh(entry: Coverable, incarnation: number, stamp: number): boolean {
    if (this.#guards.incarnation && incarnation !== this.#history.incarnation) return false
    return !this.#guards.markerStamp || !this.#markers.cover(entry, stamp)
  }

  /** The reply to a write of ours: a change as the message tells of it, and a head. */
  written({ head, change }: { head: Head; change: Change }, sent: Sent): void {
    this.message(change)
    this.judge(head, sent)
  }

  /** A change that was published. */
  message(change: Change): void {
    if (!this.#joined) return this.#effects.evict(change)
    if (change.incarnation !== this.#history.incarnation && this.#guards.incarnation) {
      this.#effects.evict(change)
      return this.#hearOf(change.incarnation)
    }
    if (change.seq <= this.applied) return this.#past(change)
    if (change.seq === this.applied + 1 && this.#follows(change)) return this.#apply(change)
    this.#effects.evict(change)
    this.#markers.set(change, change.seq)
    this.#see({ ...change, born: this.#born })
    if (!this.#guards.replay) this.#history.advance(change)
    else if (change.seq === this.applied + 1) this.suspect()
    else this.#catchUp(change.seq)
  }

  /** The reply to a probe. */
  probed({ head, time, markers }: ProbeReply, sent: Sent): void {
    if (sent.epoch !== this.#epoch) return
    this.#serverOffset = time - sent.now
    if (this.#ended.has(head.incarnation)) return this.#effects.rotate(head.incarnation)
    if (this.#guards.incarnation && precedes(head, sent.seen)) return this.#loss(head)
    this.#see(head)
    if (!this.#joined) {
      if (markers) this.#adopt(head, markers, sent)
      return
    }
    if (head.incarnation !== this.#history.incarnation && this.#guards.incarnation) return this.#leave()
    this.#refute(sent)
    if (this.#lost(head, sent)) return
    if (head.seq <= this.applied || !this.#guards.replay) return this.#grant(sent)
    this.#awaiting = { sent, seq: head.seq }
    this.#catchUp(head.seq)
  }

  /** The reply to a replay of what comes after `applied`, as it was when the request was sent. */
  replayed({ head, changes }: ReplayReply, sent: Sent): void {
    if (sent.epoch !== this.#epoch || !this.#joined) return
    if (head.incarnation !== this.#history.incarnation) return this.#leave()
    if (this.#lost(head, sent)) return
    for (const change of changes) {
      if (change.seq <= this.applied) {
        if (this.#forked(change.seq, change.token)) return this.#loss(head)
      } else if (change.seq > this.applied + 1) return this.#rejoin()
      else if (!this.#follows(change)) return this.#loss(head)
      else this.#apply(change)
    }
    if (this.applied < head.seq) this.#rejoin()
  }

  /** The head that was read together with entries: are they as of a history that is ours? */
  judge(head: Head | undefined, sent: Sent): Judgement {
    if (!this.#guards.incarnation) return 'current'
    if (head !== undefined) this.#see(head)
    if (!this.#joined || sent.epoch !== this.#epoch) return 'unknown'
    if (head === undefined || head.incarnation !== this.#history.incarnation) {
      if (head !== undefined) this.#end(this.#history.incarnation)
      this.suspect()
      return 'unknown'
    }
    if (this.#lost(head, sent)) return 'unknown'
    if (head.seq <= this.applied || !this.#guards.replay) return 'current'
    this.#catchUp(head.seq)
    return this.#joined ? 'behind' : 'unknown'
  }

  /** Closes the lease until a probe has looked: one that is sent from now on, since a reply under way may be from before. */
  suspect(): void {
    this.#doubts++
    this.#close()
    this.#effects.probe()
  }

  /** Another history may have begun; a probe will tell, once. */
  #hearOf(incarnation: number): void {
    if (this.#refuted.has(incarnation) || this.#ended.has(incarnation)) return
    this.#heard.add(incarnation)
    this.suspect()
  }

  /** What was heard of before a probe was sent, and is not what the probe has seen, is not to be heeded again. */
  #refute(sent: Sent): void {
    if (this.#heard.size === 0 || sent.doubts !== this.#doubts) return
    if (this.#refuted.size > MAX_REFUTED) this.#refuted.clear()
    for (const incarnation of this.#heard) this.#refuted.add(incarnation)
    this.#heard.clear()
  }

  #catchUp(seq: number): void {
    if (seq - this.applied > MAX_REPLAY) this.#rejoin()
    else this.#effects.replay()
  }

  #past(change: Change): void {
    const known = this.#history.tokenAt(change.seq)
    if (known !== change.token && this.#guards.historyToken) {
      // From before this view joined; or from a history that has forked before.
      this.#effects.evict(change)
      if (known !== undefined) return this.suspect()
    }
    if (change.acknowledge) this.#effects.acknowledge(change)
  }

  #apply(change: Change): void {
    this.#effects.evict(change)
    if (namesGroups(change)) this.#markers.set(change, change.seq)
    this.#history.advance(change)
    if (change.acknowledge) this.#effects.acknowledge(change)
    const waiting = this.#awaiting
    if (waiting && this.applied >= waiting.seq) this.#grant(waiting.sent)
  }

  #follows(change: Change): boolean {
    return change.previous === this.#history.token || !this.#guards.historyToken
  }

  #forked(seq: number, token: string): boolean {
    return this.#guards.historyToken && this.#history.contradicts(seq, token)
  }

  #lost(head: Head, sent: Sent): boolean {
    const { applied, seen } = sent
    const lost = head.seq < applied || precedes(head, seen) || this.#forked(head.seq, head.token)
    if (lost) this.#loss(head)
    return lost
  }

  /** The incarnation that Redis is in has lost history. What replaces it counts as newer, even after a clock was set back. */
  #loss(head: Head): void {
    this.#end(head.incarnation)
    this.#seen = head
    this.#rejoin()
    this.#effects.rotate(head.incarnation)
  }

  #see(head: Head): void {
    if (!precedes(head, this.#seen)) this.#seen = head
  }

  #adopt(head: Head, markers: StoredMarkers, sent: Sent): void {
    this.#effects.flush()
    this.#epoch++
    this.#joined = true
    if (this.#followed !== head.incarnation) this.#end(this.#followed)
    this.#followed = head.incarnation
    this.#born = head.born
    this.#heard.clear()
    this.#refuted.clear()
    this.#history.begin(head)
    this.#markers.load(markers)
    this.#grant(sent)
  }

  /** Another incarnation is there, after ours. */
  #leave(): void {
    this.#end(this.#history.incarnation)
    this.#rejoin()
  }

  #end(incarnation: number): void {
    this.#ended.add(incarnation)
    if (this.#ended.size <= MAX_ENDED) return
    for (const oldest of this.#ended) return void this.#ended.delete(oldest)
  }

  #rejoin(): void {
    this.#close()
    this.#epoch++
    this.#joined = false
    this.#history.forget()
    this.#effects.flush()
    this.#effects.probe()
  }

  #grant(sent: Sent): void {
    this.#awaiting = undefined
    if (sent.doubts < this.#doubts) return
    if (this.#lease && sent.now < this.#lease.now) return
    this.#lease = sent
    this.#lastKnown = sent.now
    this.until = this.#guards.l1Lease ? sent.now + this.#maxStaleness * LEASE_SHARE : Number.POSITIVE_INFINITY
  }

  #close(): void {
    this.#lease = undefined
    this.#awaiting = undefined
    if (this.#guards.l1Lease) this.until = Number.NEGATIVE_INFINITY
  }
}

/** Whether a head is from before another one: Redis has been there already when it was there. */
function precedes(head: Head, other: Head): boolean {
  return head.incarnation === other.incarnation ? head.seq < other.seq : head.born < other.born
}
