import { readFileSync } from 'node:fs'
import { composeScript, type Script } from '@lockstep/redis'
import type { HeadReply, LeaseAnswer, Markers, ProbeReply, SetReply } from '../ports.ts'
import type { Change } from '../protocol/history.ts'
import { decodeChange } from '../protocol/wire.ts'
import { count, ReplyReader } from './reply.ts'

/** A script with what its header says that it takes, which a test holds against the file. */
export interface StoreScript<Reply> extends Script<Reply> {
  readonly keys: string
  readonly args: string
}

/** What a change did: the history after it, the token before it, and how many entries it removed. */
export interface Changed extends HeadReply {
  readonly previous: string
  readonly removed: number
}

const CONTROL = 'head log markers server intents replicas'
const CANDIDATE = 'incarnation token'
const VOICE = `${CANDIDATE} publish channel lead`

const read = (file: string) => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')
const prelude = read('prelude')

function script<Reply>(
  name: string,
  keys: string,
  args: string,
  decode: (reply: unknown, script: string) => Reply,
): StoreScript<Reply> {
  const text = { body: read(name), prelude }
  return { ...composeScript(name, text, (reply) => decode(reply, name)), keys, args }
}

/** A script whose reply is an array. */
const listing = <Reply>(name: string, keys: string, args: string, decode: (reply: ReplyReader) => Reply) =>
  script(name, keys, args, (reply) => decode(new ReplyReader(name, reply)))

const ENTRIES = `${CONTROL} entry... lease...`

export const lease = listing(
  'lease',
  ENTRIES,
  `${CANDIDATE} ms (asker rejected)...`,
  (reply): HeadReply & { answers: LeaseAnswer[] } => {
    const head = reply.head()
    return { ...head, answers: Array.from({ length: reply.left }, () => answer(reply)) }
  },
)

export const renew = script('renew', 'lease', 'holder ms', (reply, name) => count(name, reply) === 1)

export const fill = listing('fill', ENTRIES, `${VOICE} (holder granted lifetime bytes)...`, (reply) =>
  Array.from({ length: reply.left }, () => reply.flag()),
)

export const invalidate = listing('invalidate', ENTRIES, `${VOICE} tail marker...`, (reply) =>
  reply.end(changed(reply)),
)

/** Undefined: none of them was there. Else the change, and the places of those that were, from 1 on. */
export const evictPresent = listing('evict-present', ENTRIES, `${VOICE} tail`, (reply) => {
  if (reply.left === 0) return undefined
  const change = changed(reply)
  return { ...change, places: Array.from({ length: reply.left }, () => reply.integer()) }
})

export const set = listing(
  'set',
  `${CONTROL} entry lease`,
  `${VOICE} tail version lifetime bytes`,
  (reply): Changed & Pick<SetReply, 'result'> => {
    const change = changed(reply)
    const result = reply.text()
    if (result === 'stored' || result === 'invalidated' || result === 'refused') {
      return reply.end({ ...change, result })
    }
    return reply.fail('a result')
  },
)

export const begin = listing('begin', ENTRIES, `${VOICE} tail writer ms`, (reply) => ({
  ...changed(reply),
  leases: leasesIn(reply.texts()),
}))

export const end = listing(
  'end',
  `${ENTRIES} written...`,
  `${VOICE} tail writer began names (lifetime bytes)...`,
  (reply) => reply.end({ ...changed(reply), stood: reply.flag(), stored: reply.flag() }),
)

export const probe = listing('probe', CONTROL, `${CANDIDATE} replica within markers`, (reply): ProbeReply => {
  const head = reply.head()
  if (reply.left === 0) return { ...head, markers: undefined }
  return reply.end({ ...head, markers: markers(new ReplyReader('probe', reply.next())) })
})

export const replay = listing('replay', CONTROL, `${CANDIDATE} after`, (reply) => {
  const head = reply.head()
  return { ...head, changes: understood(reply.texts()) }
})

export const rotate = listing('rotate', CONTROL, `${CANDIDATE} expected`, (reply) => reply.end(reply.head()))

export const drop = script('drop', 'entry...', 'identity...', (reply, name) => count(name, reply))

function changed(reply: ReplyReader): Changed {
  const { head, time } = reply.head()
  return { head, time, previous: reply.text(), removed: reply.integer() }
}

function answer(reply: ReplyReader): LeaseAnswer {
  const value = reply.next()
  if (Buffer.isBuffer(value)) return { kind: 'entry', bytes: value }
  if (value === 1) return { kind: 'granted' }
  if (value === 2) return { kind: 'wait' }
  return value === 3 ? { kind: 'uncacheable' } : reply.fail('an answer')
}

/** Replicas and until when they may hold a lease, in turn. */
function leasesIn(texts: readonly string[]): { replicas: string[]; leasedUntil: number } {
  const replicas = texts.filter((_, at) => at % 2 === 0)
  const ends = texts.filter((_, at) => at % 2 === 1).map(Number)
  return { replicas, leasedUntil: Math.max(0, ...ends) }
}

/** Up to the first change that a later release has written: a replica that cannot follow the log joins anew. */
function understood(texts: readonly string[]): Change[] {
  const changes: Change[] = []
  for (const text of texts) {
    const change = decodeChange(text)
    if (change === undefined) break
    changes.push(change)
  }
  return changes
}

function markers(reply: ReplyReader): Markers {
  const seqs: (readonly [string, number])[] = []
  let floor = 0
  while (reply.left > 0) {
    const marker = reply.text()
    const seq = Number(reply.text())
    if (!Number.isSafeInteger(seq)) reply.fail('a seq')
    if (marker === 'floor') floor = seq
    else seqs.push([marker, seq])
  }
  return { seqs, floor }
}
