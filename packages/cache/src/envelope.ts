import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { EncodeError } from './errors.ts'
import type { StoredEntry } from './ports.ts'

const FORMAT = 1

const Envelope = Compile(
  Type.Object({
    f: Type.Literal(FORMAT),
    g: Type.String(),
    e: Type.Number(),
    v: Type.Optional(Type.Unknown()),
  }),
)

/**
 * An entry as it lies in Redis: format, generation, end, and the value unless the source has none.
 *
 * @throws {EncodeError} naming the entry when JSON cannot hold the value
 */
export function encodeEntry(name: string, generation: string, entry: StoredEntry): string {
  let value: string | undefined
  try {
    value = JSON.stringify(entry.value)
  } catch (cause) {
    throw new EncodeError(name, { cause })
  }
  // A value that JSON drops (a function) would come back as one that the source does not have.
  if (value === undefined && entry.value !== undefined) throw new EncodeError(name, {})
  const head = JSON.stringify({ f: FORMAT, g: generation, e: entry.expiresAt })
  return value === undefined ? head : `${head.slice(0, -1)},"v":${value}}`
}

/** The entry, if it is one of ours and of this generation; anything else reads as absent. */
export function decodeEntry(text: string, generation: string): StoredEntry | undefined {
  const envelope = parse(text)
  if (!Envelope.Check(envelope) || envelope.g !== generation) return undefined
  return { value: envelope.v, expiresAt: envelope.e }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
