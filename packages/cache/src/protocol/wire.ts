import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Change, Invalidation } from './history.ts'

/** The channel of every invalidation (requirement P5). On Redis Cluster each shard has one of its own besides. */
export const CHANNEL = 'cache:invalidate'

const FORMAT = 2

const Names = Type.Optional(Type.Array(Type.String()))
const ChangeSchema = Type.Object({
  v: Type.Literal(FORMAT),
  ns: Type.String(),
  shard: Type.Integer({ minimum: 0 }),
  inc: Type.Integer({ minimum: 0 }),
  seq: Type.Integer({ minimum: 1 }),
  prev: Type.String(),
  token: Type.String(),
  origin: Type.String(),
  ack: Type.Optional(Type.Literal(1)),
  keys: Names,
  tags: Names,
  prefixes: Names,
  caches: Names,
})
const ChangeMessage = Compile(ChangeSchema)
const FilledMessage = Compile(
  Type.Object({
    v: Type.Literal(FORMAT),
    ns: Type.String(),
    shard: Type.Integer({ minimum: 0 }),
    filled: Type.Array(Type.String()),
  }),
)
const AnyVersion = Compile(Type.Object({ v: Type.Integer(), ns: Type.String() }))

/** What a payload on the channel turned out to be. */
export type Received =
  | { readonly kind: 'change'; readonly shard: number; readonly change: Change }
  /** Loads that others wait for have ended. */
  | { readonly kind: 'filled'; readonly names: readonly string[] }
  /** A plain key, as `redis-cli PUBLISH cache:invalidate books:v1:42` sends it. */
  | { readonly kind: 'plain'; readonly name: string }
  /** Of our namespace, in a format of another release: nobody can say what it evicts. */
  | { readonly kind: 'unknown-format'; readonly version: number }
  /** Of another namespace on the same Redis. */
  | { readonly kind: 'foreign' }

/** What every message of a shard begins with; the script that makes it adds incarnation, seq and tokens. */
export const leadOf = (namespace: string, shard: number): string =>
  `{"v":${FORMAT},"ns":${JSON.stringify(namespace)},"shard":${shard},`

/** What the message of a change ends with: everything that its writer knows. */
export function tailOf(what: Invalidation, origin: string, acknowledge: boolean): string {
  let tail = `"origin":${JSON.stringify(origin)}`
  if (acknowledge) tail += ',"ack":1'
  if (what.keys.length > 0) tail += `,"keys":${JSON.stringify(what.keys)}`
  if (what.tags.length > 0) tail += `,"tags":${JSON.stringify(what.tags)}`
  if (what.prefixes.length > 0) tail += `,"prefixes":${JSON.stringify(what.prefixes)}`
  if (what.caches.length > 0) tail += `,"caches":${JSON.stringify(what.caches)}`
  return `${tail}}`
}

/** A whole message, as the scripts put it together. */
export function encodeChange(namespace: string, shard: number, change: Change): string {
  const { incarnation, seq, previous, token, origin, acknowledge } = change
  const middle = `"inc":${incarnation},"seq":${seq},"prev":${JSON.stringify(previous)},"token":${JSON.stringify(token)},`
  return leadOf(namespace, shard) + middle + tailOf(change, origin, acknowledge)
}

export const encodeFilled = (namespace: string, shard: number, names: readonly string[]): string =>
  `${leadOf(namespace, shard)}"filled":${JSON.stringify(names)}}`

/** @param roots what our keys in Redis begin with; a plain key may be given with or without it */
export function decodeMessage(namespace: string, roots: readonly string[], payload: string): Received {
  return decodeOne(namespace, payload) ?? decodeAny(namespace, roots, payload)
}

/**
 * The change of a single entry, as our scripts write it: what nearly all messages are. Every replica reads every message, and
 * `JSON.parse` would be most of what that costs.
 */
function decodeOne(namespace: string, payload: string): Received | undefined {
  const match = ONE.exec(payload)
  if (match === null || match[1] !== namespace) return undefined
  const change: Change = {
    incarnation: Number(match[3]),
    seq: Number(match[4]),
    previous: match[5] ?? '',
    token: match[6] ?? '',
    origin: match[7] ?? '',
    acknowledge: false,
    keys: [match[8] ?? ''],
    tags: NONE,
    prefixes: NONE,
    caches: NONE,
  }
  return { kind: 'change', shard: Number(match[2]), change }
}

/** Nothing that JSON would not read, and nothing that it would read otherwise: no escapes, and no zeros in front. */
const ONE =
  /^\{"v":2,"ns":"([\w-]+)","shard":(0|[1-9]\d{0,4}),"inc":(0|[1-9]\d{0,14}),"seq":([1-9]\d{0,14}),"prev":"([\w-]+)","token":"([\w-]+)","origin":"([\w-]+)","keys":\["([ !#-[\]-\uffff]+)"\]\}$/

function decodeAny(namespace: string, roots: readonly string[], payload: string): Received {
  const message = parse(payload)
  if (!AnyVersion.Check(message)) {
    const root = roots.find((begin) => payload.startsWith(begin)) ?? ''
    return { kind: 'plain', name: payload.slice(root.length) }
  }
  if (message.ns !== namespace) return { kind: 'foreign' }
  if (ChangeMessage.Check(message)) return { kind: 'change', shard: message.shard, change: changeOf(message) }
  if (FilledMessage.Check(message)) return { kind: 'filled', names: message.filled }
  return { kind: 'unknown-format', version: message.v }
}

/** The change that a message, or an entry of the log, tells of; undefined when it is not one. */
export function decodeChange(payload: string): Change | undefined {
  const message = parse(payload)
  return ChangeMessage.Check(message) ? changeOf(message) : undefined
}

const NONE: readonly string[] = []

function changeOf(message: Static<typeof ChangeSchema>): Change {
  return {
    incarnation: message.inc,
    seq: message.seq,
    previous: message.prev,
    token: message.token,
    origin: message.origin,
    acknowledge: message.ack === 1,
    keys: message.keys ?? NONE,
    tags: message.tags ?? NONE,
    prefixes: message.prefixes ?? NONE,
    caches: message.caches ?? NONE,
  }
}

function parse(payload: string): unknown {
  if (!payload.startsWith('{')) return undefined
  try {
    return JSON.parse(payload)
  } catch {
    return undefined
  }
}
