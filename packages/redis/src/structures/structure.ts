import type { Duration } from '@lockstep/settings'
import { type KeySpace, keySpace } from '../keys.ts'
import { lifetime } from '../lifetime.ts'
import type { CommandLink } from '../link.ts'
import type { RedisArgument, RedisCommands } from '../port.ts'
import { runScript, type Script } from '../script.ts'
import { RedisArgumentError, RedisValueError } from './errors.ts'

/** Makes an effect happen at most once for an id, for as long as the id is remembered, whoever asks for it again. */
export interface Once {
  readonly id: string
  readonly ttl: Duration
}

/** What every structure is opened with. */
export interface StructureOptions {
  /** Begins every key and names the instance on a shared Redis. */
  readonly prefix: string
  /** Names the structure: letters, digits, `_` and `-`. */
  readonly name: string
}

const NAME = /^[a-z0-9][a-z0-9_-]*$/i

/** What Redis says of a key that holds something else, or a number that it cannot add to. */
const FOREIGN = /WRONGTYPE|not an integer|not a valid float|would overflow|not a number/

/**
 * The keys of one structure, `shop:{0}:list:inbox:17`, and the way to them. What Redis finds wrong with a key becomes an
 * error that names it.
 */
export class Structure {
  readonly #link: CommandLink
  readonly #kind: string
  readonly #name: string
  readonly #together: boolean
  readonly #keys: KeySpace

  /**
   * @param kind what the keys begin with after the shard
   * @param together keeps all of its keys in one shard, so that one command can read several
   * @throws {RedisArgumentError} for a name that would make keys ambiguous
   */
  constructor(link: CommandLink, { prefix, name }: StructureOptions, kind: string, together = false) {
    if (!NAME.test(name)) {
      throw new RedisArgumentError(`the name ${JSON.stringify(name)} must match ${NAME.source}`)
    }
    this.#link = link
    this.#kind = kind
    this.#name = name
    this.#together = together
    this.#keys = keySpace(prefix, link.shards)
  }

  key(id: string): string {
    return `${this.#root(id)}${this.#kind}:${this.#name}:${id}`
  }

  /** Where it is remembered that something was done, in the shard of what it was done to. Lengths keep the parts apart. */
  guard(id: string, ...parts: string[]): string {
    const unambiguous = [id, ...parts].map((part) => `${part.length}:${part}`).join(':')
    return `${this.#root(id)}once:${this.#kind}:${this.#name}:${unambiguous}`
  }

  /** One command on a key, with texts of the reply as bytes. */
  call(id: string, command: string, ...args: RedisArgument[]): Promise<unknown> {
    return this.run(id, (redis, key) => redis.callBuffer(command, key, ...args))
  }

  /** One script on a key; with `once`, on its guard too, whose lifetime is then the last argument. */
  script<Reply>(
    id: string,
    script: Script<Reply>,
    args: RedisArgument[],
    once?: { readonly guard: string; readonly ttl: Duration },
  ): Promise<Reply> {
    const guards = once ? [once.guard] : []
    const lifetimes = once ? [lifetime(once.ttl)] : []
    return this.run(id, (redis, key) => runScript(redis, script, [key, ...guards], [...args, ...lifetimes]))
  }

  /** @throws {RedisUnavailableError | RedisValueError} */
  async run<T>(id: string, send: (redis: RedisCommands, key: string) => Promise<T>): Promise<T> {
    const key = this.key(id)
    try {
      return await this.#link.run((redis) => send(redis, key), this.#shard(id))
    } catch (cause) {
      if (!(cause instanceof Error) || !FOREIGN.test(cause.message)) throw cause
      throw new RedisValueError(key, `something else than a ${this.#kind} keeps there`, { cause })
    }
  }

  #shard(id: string): number {
    return this.#keys.shardOf(this.#together ? this.#name : `${this.#name}:${id}`)
  }

  #root(id: string): string {
    return this.#keys.root(this.#shard(id))
  }
}
