import { ServersError } from '../errors.ts'
import type { RunningServer } from '../running.ts'
import { waitUntil } from '../wait.ts'
import { findRedisServer } from './find.ts'

/** The path of a redis-server on this machine: servers that find each other by address cannot sit in containers. */
export async function redisProgram(): Promise<string> {
  const { path, description } = await findRedisServer()
  if (path !== undefined) return path
  throw new ServersError(
    'REDIS_NOT_FOUND',
    `Sentinel and Cluster need a redis-server on this machine, not ${description}: \`sudo apt-get install redis-server\``,
  )
}

/** Starts servers side by side; when one fails, none is left. */
export async function startAll<S extends RunningServer>(starts: readonly (() => Promise<S>)[]): Promise<S[]> {
  const outcomes = await Promise.allSettled(starts.map((start) => start()))
  const running = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed === undefined) return running
  await killAll(running)
  throw failed.reason
}

export async function killAll(servers: Iterable<RunningServer>): Promise<void> {
  await Promise.all([...servers].map((server) => server.kill()))
}

/**
 * Waits for a state of servers that a look at them shows; a look that fails counts as "not yet".
 *
 * @param within milliseconds
 * @throws {ServersError} `REDIS_START_FAILED`, which names what was waited for
 */
export async function settled(what: string, check: () => Promise<boolean>, within = 60_000): Promise<void> {
  const look = () => check().catch(() => false)
  if (await waitUntil(look, { within, interval: 25 })) return
  throw new ServersError('REDIS_START_FAILED', `waited ${within} ms in vain until ${what}`)
}
