import { type Teardown, until } from '@lockstep/testing'
import { type EntryHeader, encodeEntry, readHeader } from '../../src/codec/entry.ts'
import type { Fill, Note, Store, Transport } from '../../src/ports.ts'
import type { Head, Invalidation } from '../../src/protocol/history.ts'
import { decodeMessage, type Received } from '../../src/protocol/wire.ts'

/** Two clients of one server, under a prefix that nobody else uses. */
interface Subject {
  readonly one: Transport
  readonly other: Transport
  /** What a foreign program, or an eviction, may do to a shard. */
  loseHead(shard: number): Promise<void>
}

export type MakeSubject = (t: Teardown) => Promise<Subject>

/** What every case works on: a shard, and names in it. */
export interface Bench {
  readonly one: Store
  readonly other: Store
  readonly subject: Subject
  readonly shard: number
  /** A name in this shard that holds the given text. */
  name(id: string | number): string
  /** Fills an entry as a reader would, and gives it as it lies there. */
  put(name: string, header?: Partial<EntryHeader>): Promise<Buffer>
  present(name: string): Promise<Buffer | undefined>
  head(): Promise<Head>
}

export const NOTE: Note = { origin: 'writer' }
export const LONG = 60_000

export async function benchOf(t: Teardown, make: MakeSubject): Promise<Bench> {
  const subject = await make(t)
  const one = subject.one.store
  const shard = one.shards - 1
  const name = (id: string | number) => {
    for (let i = 0; ; i++) {
      const found = `books:v1:${id}${i === 0 ? '' : `.${i}`}`
      if (one.shardOf(found) === shard) return found
    }
  }
  const present = async (wanted: string) => (await one.read(shard, [wanted])).entries[0]
  return {
    one,
    other: subject.other.store,
    subject,
    shard,
    name,
    present,
    head: async () => (await one.replay(shard, 0)).head,
    async put(wanted, header = {}) {
      const bytes = entryOf(await grant(one, shard, wanted), header)
      const stored = await one.fill(shard, [fillOf(wanted, bytes)])
      if (stored[0] !== true) throw new Error(`${wanted} was not stored`)
      return bytes
    },
  }
}

let made = 0
/** Sixteen characters, another each time. */
export const token = (): string => `token-${String(made++).padStart(10, '0')}`

export interface Granted {
  readonly token: string
  readonly head: Head
}

/** A lease; throws when it is not granted. */
export async function grant(store: Store, shard: number, name: string): Promise<Granted> {
  const mine = token()
  const { head, answers } = await store.lease(shard, [{ name, token: mine }], LONG)
  if (answers[0]?.kind !== 'granted') throw new Error(`${name}: ${answers[0]?.kind}`)
  return { token: mine, head }
}

export const kindOf = async (store: Store, shard: number, name: string, rejected?: string): Promise<string> =>
  (await store.lease(shard, [{ name, token: token(), rejected }], LONG)).answers[0]?.kind ?? 'none'

/** What a load under this lease makes. */
export function entryOf({ token, head }: Granted, header: Partial<EntryHeader> = {}, body = 'body'): Buffer {
  const now = Date.now()
  const whole: EntryHeader = {
    codec: 1,
    negative: false,
    identity: token,
    incarnation: head.incarnation,
    seq: head.seq,
    created: now,
    loadMs: 1,
    freshUntil: now + LONG,
    staleUntil: now + LONG,
    errorUntil: now + LONG,
    sliding: 0,
    version: undefined,
    tags: [],
    ...header,
  }
  return encodeEntry(whole, whole.negative ? undefined : Buffer.from(body))
}

export function fillOf(name: string, bytes: Buffer, lifetime = LONG): Fill {
  const header = readHeader(bytes)
  if (header === undefined) throw new Error('no entry')
  return { name, token: header.identity, incarnation: header.incarnation, bytes, lifetime }
}

export const what = (parts: Partial<Invalidation>): Invalidation => ({
  keys: [],
  tags: [],
  prefixes: [],
  caches: [],
  ...parts,
})

/** What a transport hears of its own namespace, from when it is up. */
export async function hearing(t: Teardown, { bus, prefix }: Transport): Promise<Received[]> {
  const heard: Received[] = []
  let up = false
  const leave = bus.listen({
    up: () => (up = true),
    down: () => (up = false),
    message(payload) {
      const received = decodeMessage(prefix, [], payload)
      if (received.kind !== 'foreign' && received.kind !== 'plain') heard.push(received)
    },
  })
  t.teardown(leave)
  await until('the bus is up', () => up)
  return heard
}

/** Resolves when one of the changes made from now on is heard. */
export async function hearsAgain({ one, shard }: Bench, heard: readonly Received[]): Promise<void> {
  const made = new Set<string>()
  await until('the bus is up again', async () => {
    made.add((await one.invalidate(shard, what({ tags: ['again'] }), NOTE)).change.token)
    return heard.some((received) => received.kind === 'change' && made.has(received.change.token))
  })
}
