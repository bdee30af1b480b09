import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { RedisArgument, RedisLink } from '@lockstep/redis'
import { type Leashed, spawnLeashedNode } from '@lockstep/servers'
import { type ProxiedConnection, recordingLogger, type Teardown, until } from '@lockstep/testing'
import { createLocks, type FencedLock, type Locks, type LocksOptions } from '../../src/index.ts'

/** Locks for the length of a test. */
export function locksOver(
  t: Teardown,
  redis: RedisLink,
  options: Partial<Omit<LocksOptions, 'redis'>> = {},
): Locks<FencedLock> {
  const locks = createLocks({ redis, prefix: 'shop', logger: recordingLogger(), ...options })
  t.teardown(() => locks.close())
  return locks
}

/** Any command, with texts for an answer. @throws what Redis answered when that is an error */
export async function say(link: RedisLink, ...command: RedisArgument[]): Promise<unknown> {
  const [answer] = (await link.run((redis) => redis.pipeline([command]).exec())) ?? []
  if (!answer || answer[0]) throw answer?.[0] ?? new Error(`no answer to ${command.join(' ')}`)
  return answer[1]
}

/** The server's clock, in ms. */
export async function serverTime(link: RedisLink): Promise<number> {
  const reply = await say(link, 'time')
  const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : []
  return Number(seconds) * 1000 + Number(micros) / 1000
}

/** The names of a lock's keys, as another program sees them. */
export const keyOf = (part: 'state' | 'queue' | 'waiters', resource: string, kind = 'lock'): string =>
  `shop:{0}:${kind}:${part}:${resource}`

/** What Redis knows of a lock: its last fence, and the holders with the ends of their leases in ms of server time. */
export async function stateOf(link: RedisLink, resource: string, kind = 'lock') {
  const text = String(await say(link, 'get', keyOf('state', resource, kind)))
  return parsed(text)
}

export function parsed(state: string) {
  const [fence = '', , holders = '', voids = ''] = state.split(' ')
  const list = (text: string) =>
    text
      .split(',')
      .filter(Boolean)
      .map((pair) => ({ ends: Number(pair.split('=')[0]), token: pair.split('=')[1] ?? '' }))
  return { fence: Number(fence), holders: list(holders), voids: list(voids) }
}

/** How many stand in the queue of a lock. */
export const queueLength = async (link: RedisLink, resource: string, kind = 'lock'): Promise<number> =>
  Number(await say(link, 'llen', keyOf('queue', resource, kind)))

/** The same, on whichever shard it is. */
export async function queueLengthOf(
  link: RedisLink,
  resource: string,
  { prefix = 'shop', kind = 'lock' } = {},
): Promise<number> {
  const shards = Array.from({ length: link.shards }, (_, shard) => shard)
  const lengths = await Promise.all(
    shards.map((shard) =>
      link.run((redis) => redis.callBuffer('llen', `${prefix}:{${shard}}:${kind}:queue:${resource}`), shard),
    ),
  )
  return lengths.reduce<number>((sum, length) => sum + Number(length), 0)
}

/** The connection that locks have for themselves, and the one on which a process is called. */
export const lockConnection = ({ said }: ProxiedConnection): boolean => said.includes(':locks')
export const subscriber = ({ said }: ProxiedConnection): boolean => said.includes(':subscriber')

/** A command that a server has carried out, for whomever; `by` is `lua` for those of scripts. */
export interface Seen {
  readonly by: string
  readonly words: readonly string[]
}

/** Everything that a server carries out, in its order, for the length of a test. */
export async function monitor(t: Teardown, port: number): Promise<Seen[]> {
  const seen: Seen[] = []
  const socket = connect({ host: '127.0.0.1', port })
  t.teardown(() => socket.destroy())
  socket.setEncoding('utf8')
  socket.on('error', () => {})
  let rest = ''
  let ready = false
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      ready ||= line === '+OK'
      const by = /^\+[\d.]+ \[\d+ ([^\]]+)\] /.exec(line)?.[1]
      const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) => word)
      if (by !== undefined) seen.push({ by, words })
    }
  })
  socket.write('MONITOR\r\n')
  await until('the server is watched', () => ready)
  return seen
}

/** A process that prints lines. */
export interface Printing extends Leashed {
  readonly lines: string[]
}

/** Runs a file beside this one as a process, with one argument, for the length of a test. */
export function startWorker(t: Teardown, file: string, plan: object): Printing {
  const lines: string[] = []
  let rest = ''
  const child = spawnLeashedNode({
    entry: fileURLToPath(new URL(file, import.meta.url)),
    args: [JSON.stringify(plan)],
    output: 2,
    onStdout(chunk) {
      const all = (rest + chunk.toString()).split('\n')
      rest = all.pop() ?? ''
      lines.push(...all)
    },
  })
  t.teardown(() => child.kill())
  return { ...child, lines }
}

/**
 * Tries what a machine that stands still for a second may spoil, a few times; what is wrong is so each time.
 *
 * @param attempt with a number that no other has; resolves with what came of it
 */
export async function oneOfFew<T>(
  attempt: (number: number) => Promise<T>,
  asWanted: (result: T) => boolean,
): Promise<T> {
  for (let number = 1; ; number++) {
    const result = await attempt(number)
    if (asWanted(result) || number === 5) return result
  }
}
