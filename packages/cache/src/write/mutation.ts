import type { Clock } from '@lockstep/redis'
import { MutationAwayError } from '../errors.ts'
import type { BeginReply, EndReply, Store, Write } from '../ports.ts'
import type { Guards } from '../protocol/guards.ts'
import { MAX_INTENT } from '../protocol/shard-view.ts'
import type { Encoded } from '../read/keeper.ts'
import type { Grant } from '../tiers/l2.ts'
import type { Shard } from '../tiers/shard.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import { tokenOf, type WriteToken } from './items.ts'
import type { Item } from './pending.ts'
import type { Writer } from './writer.ts'

/** Work stops being safe so long before the intent ends: the clocks of two machines do not run alike. */
const MARGIN_SHARE = 0.05

export interface MutateContext {
  /** Aborted at the deadline. */
  readonly signal: AbortSignal
  /**
   * Until when, on this machine's wall clock in ms, the work must have committed. Check it inside the transaction: a commit
   * after it is not covered by the intent.
   */
  readonly deadline: number
}

export interface MutateOptions {
  /** `fleet`: the work begins only when no replica can serve the old value from L1 any more. */
  readonly wait?: 'fleet' | undefined
  /** The longest that the work may take, in ms. */
  readonly lifetime: number
  /** `run`: when Redis is away the work is done all the same, and the invalidation retried afterwards. */
  readonly whenAway: 'reject' | 'run'
}

/** What became of a mutation. */
export interface Mutated<R> {
  readonly value: R
  /** `pending`: Redis went away before it knew of the end; it is retried. */
  readonly outcome: 'applied' | 'pending'
  /** With `wait: 'fleet'`: every read that began after the commit sees it, everywhere. */
  readonly promised: boolean
  /** Whether the new values lie in Redis. */
  readonly stored: boolean
  /** How many entries lay in Redis and are gone. */
  readonly removed: number
  readonly token: WriteToken
}

export interface MutationAround {
  readonly store: Store
  readonly clock: Clock
  readonly guards: Guards
  readonly maxStaleness: number
  readonly origin: string
  readonly acknowledgements: Acknowledgements
  readonly writers: readonly Writer[]
  readonly shards: readonly Shard[]
  readonly token: () => string
}

/** A value that is to lie in Redis when the work has ended. */
export interface Through {
  readonly name: string
  /** Undefined when it cannot be stored. */
  readonly encode: (grant: Grant, now: number) => Encoded | undefined
}

interface Part {
  readonly shard: number
  readonly names: readonly string[]
  readonly items: readonly Item[]
  readonly begun: BeginReply
}

/**
 * A write that is safe to crash in: an intent stands in Redis from before the work until after it. While it stands, nobody
 * fills the entries; when the writer dies, it ends by itself, and what was there before is gone already.
 *
 * @param through filled by the work
 * @throws {MutationAwayError} when the intent cannot be declared, before the work has begun
 */
export async function mutate<R>(
  around: MutationAround,
  names: readonly string[],
  work: (context: MutateContext) => Promise<R>,
  through: readonly Through[],
  options: MutateOptions,
): Promise<Mutated<R>> {
  const { clock, writers, store } = around
  const { lifetime } = options
  const token = around.token()
  const byShard = Map.groupBy(new Set(names), (name) => store.shardOf(name))
  const groups = [...byShard].map(([shard, group]) => ({ shard, names: group, items: group.map(itemOf) }))
  for (const { shard, items } of groups) writers[shard]?.fence(items)
  const begunAt = clock.now()
  const deadline = clock.wall() + lifetime * (1 - MARGIN_SHARE)
  const declared = await declare(around, groups, token, lifetime, options)
  const controller = new AbortController()
  const cancel = clock.after(lifetime * (1 - MARGIN_SHARE) - (clock.now() - begunAt), () =>
    controller.abort(),
  )
  let result: { value: R } | undefined
  let failure: { error: unknown } | undefined
  try {
    result = { value: await work({ signal: controller.signal, deadline }) }
  } catch (error) {
    failure = { error }
  } finally {
    cancel()
  }
  // Work that failed may have committed all the same: then the old value must go, and no new one is known.
  const values = result ? through : []
  const ended = await Promise.all(
    declared.map((part) =>
      finish(
        around,
        part,
        token,
        values.filter(({ name }) => part.names.includes(name)),
      ),
    ),
  )
  for (const { shard, items } of groups) {
    if (!declared.some((part) => part.shard === shard)) writers[shard]?.postpone(items, failure?.error)
  }
  if (failure) throw failure.error
  if (!result) throw new Error('work that neither ended nor failed')
  const replies = ended.filter((reply) => reply !== undefined)
  const all = replies.length === groups.length
  const inTime = clock.wall() < deadline && clock.now() - begunAt < lifetime * (1 - MARGIN_SHARE)
  return {
    value: result.value,
    outcome: all ? 'applied' : 'pending',
    promised: options.wait === 'fleet' && all && inTime && replies.every(({ stood }) => stood),
    stored: values.length > 0 && all && replies.every(({ writes, stored }) => writes === 0 || stored),
    removed: declared.reduce((sum, { begun }) => sum + begun.removed, 0),
    token: all ? tokenOf(replies) : '',
  }
}

/** Declares the intent everywhere, and waits until it is safe to begin. The groups whose shard is away are left out. */
async function declare(
  around: MutationAround,
  groups: readonly Omit<Part, 'begun'>[],
  token: string,
  lifetime: number,
  options: MutateOptions,
): Promise<Part[]> {
  const { store, writers, shards, origin, acknowledgements } = around
  const fleet = options.wait === 'fleet'
  if (fleet) await acknowledgements.listen()
  const note = { origin, acknowledge: fleet }
  const begins = await Promise.allSettled(
    groups.map(async (group): Promise<Part> => {
      const view = shards[group.shard]?.view
      const sent = view?.sent()
      const begun = await store.begin(group.shard, group.names, token, lifetime, note)
      if (sent) view?.written(begun, sent)
      return { ...group, begun }
    }),
  )
  const declared = begins.flatMap((begin) => (begin.status === 'fulfilled' ? [begin.value] : []))
  const failed = begins.find((begin) => begin.status === 'rejected')
  if (failed && options.whenAway === 'reject') {
    await Promise.all(declared.map((part) => finish(around, part, token, [])))
    // A begin whose reply was lost may have been executed: what it did is undone, later.
    for (const { shard, items } of groups) {
      if (!declared.some((part) => part.shard === shard)) writers[shard]?.postpone(items, failed.reason)
    }
    throw new MutationAwayError({ cause: failed.reason })
  }
  if (fleet) await Promise.all(declared.map((part) => everywhere(around, part)))
  return declared
}

/** Resolves when no replica's lease can cover what the intent has invalidated. */
async function everywhere(around: MutationAround, { shard, begun }: Part): Promise<void> {
  const { acknowledgements, guards, maxStaleness, clock } = around
  if (!guards.acknowledgement) return
  // Replicas may have been given another maxStaleness than ours: what counts is theirs.
  const longest = Math.max(0, begun.leasedUntil - begun.time)
  // In a young incarnation the list of replicas may have been lost with the old one.
  if (begun.time - begun.head.born < maxStaleness) {
    const ms = Math.max(maxStaleness, longest)
    return new Promise((resolve) => void clock.after(ms, resolve, true))
  }
  return acknowledgements.wait(shard, begun.change, begun.replicas, longest)
}

/** Ends the intent; undefined when Redis is away: then the entries are invalidated later. */
async function finish(
  around: MutationAround,
  { shard, names, items, begun }: Part,
  token: string,
  through: readonly Through[],
): Promise<(EndReply & { shard: number; writes: number }) | undefined> {
  const { store, origin, guards, shards } = around
  const writer = around.writers[shard]
  const { incarnation, seq, born } = begun.head
  const youthEnd = guards.youth ? born + MAX_INTENT : Number.NEGATIVE_INFINITY
  const view = shards[shard]?.view
  const now = view?.joined ? view.serverTime() : begun.time
  const writes: Write[] = []
  for (const { name, encode } of through) {
    const encoded = encode({ token: around.token(), incarnation, seq, time: begun.time, youthEnd }, now)
    if (encoded) writes.push({ name, bytes: encoded.bytes, lifetime: encoded.lifetime })
  }
  const sent = view?.sent()
  try {
    const reply = await store.end(shard, names, token, incarnation, writes, { origin })
    if (sent) view?.written(reply, sent)
    writer?.settled(items)
    writer?.unfence(items)
    return {
      ...reply,
      stored: reply.stored && writes.length === through.length,
      shard,
      writes: through.length,
    }
  } catch (error) {
    writer?.postpone(items, error)
    return undefined
  }
}

const itemOf = (name: string): Item => `k:${name}`
