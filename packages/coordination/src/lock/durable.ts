import {
  type CommandLink,
  type RedisArgument,
  type RedisCommands,
  RedisUnavailableError,
} from '@lockstep/redis'
import type { Answer, Ask, Fenced } from './backend.ts'
import { LockNotDurableError } from './errors.ts'
import { answerIn, locksScript } from './script.ts'

/** How many replicas must have heard of a lock before it counts. */
export interface Durability {
  readonly replicas: number
  /** The longest that they may take over it, in ms. */
  readonly within: number
}

interface DurableAsk extends Durability {
  readonly ask: Ask
  readonly link: CommandLink
  readonly shard: number
  readonly keys: readonly string[]
  readonly args: readonly RedisArgument[]
  /** Undoes a grant that too few have heard of. */
  readonly giveBack: (ask: Ask, isVoid: boolean) => Promise<boolean>
}

/**
 * Asks, and waits until enough replicas know the answer. Both commands go out together: on another connection WAIT would
 * know of no write to wait for, and call it heard.
 *
 * @throws {LockNotDurableError} after it was given back
 */
export async function runAndWait(of: DurableAsk): Promise<Answer<Fenced>> {
  const { ask, link, shard, keys, args, replicas, within } = of
  const [[reply], heard] = await link.run(
    (redis) => runTogether(redis, keys, args, ['wait', replicas, within]),
    shard,
  )
  const answer = answerIn(ask.resource, reply, 0)
  if (answer.kind !== 'granted' || heard >= replicas) return answer
  await of.giveBack(ask, false)
  throw new LockNotDurableError(ask.resource, heard, replicas)
}

async function runTogether(
  redis: RedisCommands,
  keys: readonly string[],
  args: readonly RedisArgument[],
  wait: RedisArgument[],
): Promise<[replies: unknown[], heard: number]> {
  const send = (command: string, script: string) =>
    redis.pipeline([[command, script, keys.length, ...keys, ...args], wait]).exec()
  let [ran, waited] = (await send('evalsha', locksScript.sha1)) ?? []
  if (ran?.[0]?.message.startsWith('NOSCRIPT')) [ran, waited] = (await send('eval', locksScript.lua)) ?? []
  const error = ran?.[0] ?? waited?.[0]
  if (error) throw error
  if (!ran || typeof waited?.[1] !== 'number') throw new RedisUnavailableError()
  return [locksScript.decode(ran[1]), waited[1]]
}
