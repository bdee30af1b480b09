import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Invalidation } from './ports.ts'

/** The channel of every invalidation (requirement P5). */
export const CHANNEL = 'cache:invalidate'

const FORMAT = 1

const Message = Compile(
  Type.Object({
    v: Type.Literal(FORMAT),
    ns: Type.String(),
    shard: Type.Literal(0),
    origin: Type.String(),
    keys: Type.Array(Type.String()),
    caches: Type.Array(Type.String()),
  }),
)
const AnyVersion = Compile(Type.Object({ v: Type.Integer(), ns: Type.String() }))

/** What a payload on the channel turned out to be. */
export type Received =
  | { kind: 'invalidation'; origin: string; what: Invalidation }
  /** A plain key, as `redis-cli PUBLISH cache:invalidate books:v1:42` sends it. */
  | { kind: 'plain'; name: string }
  /** Of our namespace, in a format of a later release: nobody can say what it evicts. */
  | { kind: 'unknown-format'; version: number }
  /** Of another namespace on the same Redis. */
  | { kind: 'foreign' }

/** The message that goes with an invalidation: JSON with a format version, so that a rolling upgrade can tell. */
export function encodeMessage(namespace: string, origin: string, what: Invalidation): string {
  return JSON.stringify({
    v: FORMAT,
    ns: namespace,
    shard: 0,
    origin,
    keys: what.names,
    caches: what.caches,
  })
}

/** @param root what our keys in Redis begin with; a plain key may be given with or without it */
export function decodeMessage(namespace: string, root: string, payload: string): Received {
  const message = parse(payload)
  if (!AnyVersion.Check(message)) {
    return { kind: 'plain', name: payload.startsWith(root) ? payload.slice(root.length) : payload }
  }
  if (message.ns !== namespace) return { kind: 'foreign' }
  if (!Message.Check(message)) return { kind: 'unknown-format', version: message.v }
  return {
    kind: 'invalidation',
    origin: message.origin,
    what: { names: message.keys, caches: message.caches },
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
