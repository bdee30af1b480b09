import {
  batched,
  type CommandLink,
  endOfTurn,
  keySpace,
  type RedisArgument,
  type RedisLink,
  runScript,
} from '@lockstep/redis'
import type { Answer, Ask, Backend, Fenced } from './backend.ts'
import { type Durability, runAndWait } from './durable.ts'
import { answerIn, flagIn, locksScript, type Operation } from './script.ts'
import { Turns } from './turns.ts'

/** How long a token that was given up stays void, in ms: longer than a command may linger on its way to Redis. */
const VOID_MS = 60_000
/** How much one call carries out at most, so that Redis is not held up for long. */
const MOST_AT_ONCE = 16

export interface RedisBackendOptions {
  readonly redis: RedisLink
  readonly prefix: string
  /** `lock`, or `semaphore`: keeps resources of one name apart. */
  readonly kind: string
  readonly permits: number
  /** Names this process. */
  readonly id: string
  readonly durability?: Durability | undefined
}

interface Item {
  readonly keys: readonly string[]
  readonly args: readonly RedisArgument[]
  readonly answered: (reply: unknown) => void
  readonly failed: (error: unknown) => void
}

/**
 * Leases and a queue for each resource in Redis, as lua/locks.lua keeps them, over a connection apart that sends nothing
 * twice and queues nothing. What is asked in one turn of the event loop goes out as one call.
 */
export function redisBackend(options: RedisBackendOptions): Backend<Fenced> {
  const { redis, prefix, kind, permits, id, durability } = options
  const keys = keySpace(prefix, redis.shards)
  const commands = redis.apart('locks')
  // WAIT blocks a connection, and must not hold up renewals.
  const durable = durability && { ...durability, link: redis.apart('locks-durable') }
  const callers = new Turns(redis, keys, id)
  const verb = redis.shards > 1 ? 'SPUBLISH' : 'PUBLISH'
  const voices = Array.from({ length: redis.shards }, (_, shard) => [permits, verb, keys.wake(shard, '')])
  const senders = voices.map((voice, shard) =>
    batched<Item>(endOfTurn, (items) => send(commands, shard, voice, items), MOST_AT_ONCE),
  )
  let tokens = 0
  let turns = 0

  const keysOf = (resource: string) =>
    ['state', 'queue', 'waiters'].map((part) => keys.of(`${kind}:${part}`, resource))

  /** @param read what the reply says; it throws when that is nothing that the script says */
  function call<T>(
    operation: Operation,
    { resource, token }: Ask,
    ms: number,
    turn: number,
    read: (resource: string, reply: unknown, turn: number) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const answered = (reply: unknown) => {
        try {
          resolve(read(resource, reply, turn))
        } catch (error) {
          reject(error)
        }
      }
      const args = [operation, token, ms, turn]
      senders[keys.shardOf(resource)]?.({ keys: keysOf(resource), args, answered, failed: reject })
    })
  }

  const giveBack = (ask: Ask, isVoid: boolean): Promise<boolean> =>
    call('release', ask, isVoid ? VOID_MS : 0, 0, flagIn)

  return {
    token: () => `${id}:${++tokens}`,

    ask(ask: Ask, queue: boolean): Promise<Answer<Fenced>> {
      const operation = queue ? 'acquire' : 'try'
      const turn = ++turns
      if (!durable) return call(operation, ask, ask.lease, turn, answerIn)
      const shard = keys.shardOf(ask.resource)
      const args = [...(voices[shard] ?? []), operation, ask.token, ask.lease, turn]
      return runAndWait({ ...durable, shard, keys: keysOf(ask.resource), args, ask, giveBack })
    },

    renew: (ask) => call('renew', ask, ask.lease, 0, flagIn),
    giveBack,
    // What is handed over is not durable before it was asked for.
    onTurn: ({ resource, token }, listener) =>
      callers.on(keys.shardOf(resource), token, (handed) => listener(durable ? undefined : handed)),

    async whenAvailable(timeout) {
      const links = durable ? [commands, durable.link] : [commands]
      return (await Promise.all(links.map((link) => link.whenAvailable(timeout)))).every(Boolean)
    },
    onAvailable: (listener) => commands.onAvailable(listener),

    async close() {
      await callers.close()
      await Promise.all([commands.close(), durable?.link.close()])
    },
  }
}

function send(link: CommandLink, shard: number, voice: (string | number)[], items: readonly Item[]): void {
  const keys: string[] = []
  const args: RedisArgument[] = [...voice]
  for (const item of items) {
    keys.push(...item.keys)
    args.push(...item.args)
  }
  link
    .run((redis) => runScript(redis, locksScript, keys, args), shard)
    .then(
      (replies) => items.forEach(({ answered }, i) => answered(replies[i])),
      (error: unknown) => items.forEach(({ failed }) => failed(error)),
    )
}
