import { placeOf } from './address.ts'
import type { Channels } from './channels.ts'
import { openCluster } from './cluster-link.ts'
import type { ConnectionCounts } from './events.ts'
import type { Logger, RedisCommands } from './port.ts'
import type { RedisSettings } from './settings.ts'
import { openSingle } from './single-link.ts'

/** What happened to a link since the process started. */
export interface LinkCounts {
  readonly commands: ConnectionCounts
  readonly subscriber: ConnectionCounts
  /** How often another primary took over, or slots of a cluster moved. */
  readonly topologyChanges: number
}

/** A connection for commands, to each primary. */
export interface CommandLink {
  /** How many parts the keys are in whose order is known: 1, or 16 on a Cluster. For {@link keySpace}. */
  readonly shards: number
  /** Whether Redis answers, as far as is known now; on a Cluster, for all shards. */
  readonly available: boolean
  /**
   * Sends commands through the breaker of a shard. On a Cluster they may touch keys of that shard only.
   *
   * @param shard 0 unless told
   * @throws {RedisUnavailableError} at once while Redis is known to be away, or after REDIS_COMMAND_TIMEOUT
   */
  run<T>(commands: (redis: RedisCommands) => Promise<T>, shard?: number): Promise<T>
  /** Calls back each time that Redis answers again for a shard, until the returned function is called. */
  onAvailable(listener: (shard: number) => void): () => void
  /** Waits until Redis answers, for `timeout` milliseconds at most; tells whether it does. A service need not wait. */
  whenAvailable(timeout: number): Promise<boolean>
  close(): Promise<void>
}

/** A process's way to Redis: one connection for commands and one to listen, a primary, shared by everything in it. */
export interface RedisLink extends CommandLink {
  readonly topology: 'single' | 'sentinel' | 'cluster'
  readonly endpoint: string
  readonly channels: Channels
  /**
   * Publishes on a channel that is not sharded, and gives the number of subscriptions that it reached: on a Cluster, of
   * those over the node of shard 0, where all processes listen while they can.
   *
   * @throws {RedisUnavailableError}
   */
  publish(channel: string, payload: string): Promise<number>
  /**
   * Another connection for commands, with a breaker of its own, for what must not wait behind the others' answers, or would
   * make them wait. Whoever asked for it closes it.
   *
   * @param role shown in CLIENT LIST after the name, such as `locks`
   */
  apart(role: string): CommandLink
  /** Asks each primary whether it lives, past the breakers. @throws {RedisUnavailableError} after two heartbeats at the latest */
  ping(): Promise<void>
  /** What each primary says of itself in a section of INFO. @throws {RedisUnavailableError} */
  info(section: string): Promise<string[]>
  /**
   * Goes through the keys that match, on every primary, in pages. Keys that come or go meanwhile may be missed, and one
   * may come twice.
   *
   * @param match a glob pattern
   * @throws {RedisUnavailableError} when one does not answer in time
   */
  scan(match: string): AsyncIterable<string[]>
  counts(): LinkCounts
}

/**
 * Opens the connections. It neither waits nor fails when Redis is away: the process serves without it, and the link
 * comes to life by itself (requirement C3).
 *
 * @param name shown in CLIENT LIST, such as `catalog-1`
 * @throws {RedisAddressError | RedisSettingsError} for settings that do not say where Redis is
 */
export function openRedis(settings: RedisSettings, name: string, logger: Logger): RedisLink {
  const place = placeOf(settings)
  return place.topology === 'cluster'
    ? openCluster(settings, place.nodes, name, logger)
    : openSingle(settings, place, name, logger)
}
