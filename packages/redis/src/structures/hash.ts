import type { Duration } from '@lockstep/settings'
import { lifetime } from '../lifetime.ts'
import type { CommandLink } from '../link.ts'
import { integer, size } from './arguments.ts'
import { RedisArgumentError, RedisValueError } from './errors.ts'
import { lasting } from './lasting.ts'
import { listOf, textOf } from './replies.ts'
import { Structure, type StructureOptions } from './structure.ts'

/** What a field holds: a text, or a whole number within ±2^53. */
export type FieldKind = 'text' | 'integer'
export type HashFields = Readonly<Record<string, FieldKind>>

/** The object that a hash with these fields holds. */
export type HashOf<Fields extends HashFields> = {
  [Name in keyof Fields]: Fields[Name] extends 'integer' ? number : string
}
type NameOf<Fields> = keyof Fields & string
type IntegerOf<Fields> = {
  [Name in NameOf<Fields>]: Fields[Name] extends 'integer' ? Name : never
}[NameOf<Fields>]

export interface HashOptions<Fields extends HashFields> extends StructureOptions {
  /** How long an object lives after the last write to it. */
  readonly ttl: Duration
  readonly fields: Fields
}

/**
 * Objects by fields (requirement D1). Each method is one command, or one script where it says so. All reject with a
 * {@link RedisUnavailableError} when Redis is away, and with a {@link RedisValueError} for what is not theirs.
 */
export interface Hash<Fields extends HashFields> {
  /**
   * Sets these fields and leaves the others; the lifetime begins anew. A script: HSET, PEXPIRE.
   *
   * @throws {RedisArgumentError} for a field that is none, or a value of another type
   */
  set(id: string, values: Partial<HashOf<Fields>>): Promise<void>
  /** The object, without the fields that it lacks; undefined when it has none. HMGET. */
  all(id: string): Promise<Partial<HashOf<Fields>> | undefined>
  /** HMGET. */
  get<Name extends NameOf<Fields>>(id: string, field: Name): Promise<HashOf<Fields>[Name] | undefined>
  /**
   * Adds to a whole number, which begins at 0, and gives the sum; the lifetime begins anew. A script: HINCRBY, PEXPIRE.
   *
   * @throws {RedisValueError} for a sum beyond ±2^53, which is kept all the same
   */
  increment(id: string, field: IntegerOf<Fields>, by?: number): Promise<number>
  /** Tells whether there was one. HDEL. */
  removeField(id: string, field: NameOf<Fields>): Promise<boolean>
  /** HEXISTS. */
  has(id: string, field: NameOf<Fields>): Promise<boolean>
  /** Removes the object; tells whether there was one. DEL. */
  remove(id: string): Promise<boolean>
}

/** @throws {RedisArgumentError | RangeError} for a name or a lifetime that is none, or without a field */
export function openHash<const Fields extends HashFields>(
  link: CommandLink,
  { fields, ttl, ...options }: HashOptions<Fields>,
): Hash<Fields> {
  const hash = new Structure(link, options, 'hash')
  const px = lifetime(ttl)
  const names = Object.keys(fields)
  size('fields', names.length)

  const read = async (id: string, asked: readonly string[]): Promise<Partial<HashOf<Fields>> | undefined> => {
    const texts = listOf(await hash.call(id, 'hmget', ...asked)).map(textOf)
    const found = asked.flatMap((name, at) => {
      const text = texts[at]
      return text === undefined ? [] : [[name, fields[name] === 'integer' ? wholeOf(text) : text] as const]
    })
    if (found.length === 0) return undefined
    const object = Object.fromEntries(found)
    if (!holds(fields, object)) {
      throw new RedisValueError(hash.key(id), `no whole number within ±2^53 in ${wrongIn(fields, object)}`)
    }
    return object
  }

  return {
    async set(id, values) {
      if (!holds(fields, values)) {
        throw new RedisArgumentError(`${wrongIn(fields, values)} is no field, or its value has another type`)
      }
      const pairs = Object.entries<unknown>(values).flatMap(([name, value]) => [name, wire(value)])
      if (pairs.length > 0) await hash.script(id, lasting, [px, 'HSET', ...pairs])
    },
    all: (id) => read(id, names),
    get: async (id, field) => (await read(id, [field]))?.[field],
    async increment(id, field, by = 1) {
      const sum = await hash.script(id, lasting, [px, 'HINCRBY', field, integer('by', by)])
      if (!Number.isSafeInteger(sum)) {
        throw new RedisValueError(hash.key(id), `no whole number within ±2^53 in ${field}`)
      }
      return sum
    },
    removeField: async (id, field) => (await hash.call(id, 'hdel', field)) === 1,
    has: async (id, field) => (await hash.call(id, 'hexists', field)) === 1,
    remove: async (id) => (await hash.call(id, 'del')) === 1,
  }
}

/** {@link holds} has seen that it is a text or a whole number. */
const wire = (value: unknown): string | number => (typeof value === 'number' ? value : String(value))

const wholeOf = (text: string): number => (/^-?\d+$/.test(text) ? Number(text) : Number.NaN)

/** Whether it has no other fields, and of each the right type. */
const holds = <Fields extends HashFields>(
  fields: Fields,
  object: object,
): object is Partial<HashOf<Fields>> => wrongIn(fields, object) === undefined

/** The first that is no field, or whose value has another type. */
const wrongIn = (fields: HashFields, object: object): string | undefined =>
  Object.entries(object).find(([name, value]) => {
    const kind = fields[name]
    return kind === 'integer' ? !Number.isSafeInteger(value) : kind !== 'text' || typeof value !== 'string'
  })?.[0]
