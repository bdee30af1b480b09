import type { Duration } from '@lockstep/settings'
import { lifetime } from '../lifetime.ts'
import type { CommandLink } from '../link.ts'
import { loadScript } from '../script.ts'
import { amount, size } from './arguments.ts'
import { type Decode, decodeJson, encodeJson } from './json.ts'
import { textOf, textsOf } from './replies.ts'
import { type Once, Structure, type StructureOptions } from './structure.ts'

const push = loadScript(new URL('../lua/push.lua', import.meta.url), Number)
const trim = loadScript(new URL('../lua/trim.lua', import.meta.url), Number)

export interface ListOptions<T> extends StructureOptions {
  /** How long a list lives after the last push. */
  readonly ttl: Duration
  /** How many values a list keeps: a push beyond it drops the oldest. */
  readonly max: number
  readonly decode: Decode<T>
}

/**
 * Lists of JSON values, the newest first (requirement D2): inboxes, recent things. Each method is one command or one
 * script. All reject with a {@link RedisUnavailableError} when Redis is away, and with a {@link RedisValueError} for what
 * is not theirs.
 */
export interface List<T> {
  /**
   * Puts a value first and gives the length; the lifetime begins anew. With `once`, a repeat changes nothing. A script:
   * EXISTS, LPUSH, LTRIM, PEXPIRE, SET, LLEN.
   */
  push(id: string, value: T, options?: { once?: Once }): Promise<number>
  /** Takes the newest away, also when it cannot be read; undefined when there is none. LPOP. */
  pop(id: string): Promise<T | undefined>
  /** The newest `n`, the newest first. LRANGE. */
  recent(id: string, n: number): Promise<T[]>
  /** LLEN. */
  length(id: string): Promise<number>
  /** Keeps the newest `n`; gives how many it removed. A script: LLEN, LTRIM. */
  trim(id: string, n: number): Promise<number>
  /** Tells whether there was one. DEL. */
  remove(id: string): Promise<boolean>
}

/** @throws {RedisArgumentError | RangeError} for a name, a size or a lifetime that is none */
export function openList<T>(link: CommandLink, { ttl, max, decode, ...options }: ListOptions<T>): List<T> {
  const list = new Structure(link, options, 'list')
  const px = lifetime(ttl)
  const most = size('max', max)

  return {
    async push(id, value, { once } = {}) {
      const guarded = once && { guard: list.guard(id, once.id), ttl: once.ttl }
      return list.script(id, push, [px, most, encodeJson(value)], guarded)
    },
    async pop(id) {
      const text = textOf(await list.call(id, 'lpop'))
      return text === undefined ? undefined : decodeJson(list.key(id), text, decode)
    },
    async recent(id, n) {
      if (amount('n', n) === 0) return []
      const texts = textsOf(await list.call(id, 'lrange', 0, n - 1))
      return texts.map((text) => decodeJson(list.key(id), text, decode))
    },
    length: async (id) => Number(await list.call(id, 'llen')),
    trim: async (id, n) => list.script(id, trim, [amount('n', n)]),
    remove: async (id) => (await list.call(id, 'del')) === 1,
  }
}
