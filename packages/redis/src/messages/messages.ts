import { type Duration, toMilliseconds } from '@lockstep/settings'
import { systemClock } from '../clock.ts'
import type { RedisLink } from '../link.ts'
import type { Logger } from '../port.ts'
import { size } from '../structures/arguments.ts'
import { type Decode, encodeJson } from '../structures/json.ts'
import { readPayload } from './payload.ts'
import { Queues } from './queues.ts'

/** What is done with a message. */
export type Handler<T> = (value: T, channel: string) => void | Promise<void>

/** Told when a subscription is heard and when it is not, if that matters. */
export interface Presence {
  /** Messages are heard from now on. Whatever was published before may have been missed. */
  up?(): void | Promise<void>
  /** They are no longer heard. */
  down?(): void | Promise<void>
}

/**
 * Messages between processes (requirements P1 to P4): JSON over Redis's publish and subscribe, which keeps nothing for
 * those who are away. Those of one channel reach a handler in order, one after another, and different channels do not wait
 * for each other. What is not JSON, or `decode` refuses, is logged and skipped, and a handler that fails is logged. When a
 * handler is too slow, the oldest messages of its channel are dropped.
 */
export interface Messages {
  /**
   * Gives the number of subscriptions that it reached, on any process. PUBLISH.
   *
   * @throws {RedisUnavailableError}
   * @throws {RedisArgumentError} for a value that JSON has no text for
   */
  publish(channel: string, value: unknown): Promise<number>
  /**
   * Handles what is published on a channel, until the returned function is called: from then on no handler begins.
   * SUBSCRIBE and UNSUBSCRIBE, by the first and the last of the process.
   *
   * @throws {MessagesClosedError}
   */
  subscribe<T>(
    channel: string,
    decode: Decode<T>,
    handler: Handler<T>,
    presence?: Presence,
  ): () => Promise<void>
  /** The same for the channels that match a glob pattern such as `user:*`. PSUBSCRIBE and PUNSUBSCRIBE. */
  subscribePattern<T>(
    pattern: string,
    decode: Decode<T>,
    handler: Handler<T>,
    presence?: Presence,
  ): () => Promise<void>
  /** How many messages were dropped because their handlers were too slow. */
  readonly dropped: number
  /**
   * Unsubscribes from everything, and waits until what was published before is handled (requirement P4). What the deadline
   * finds unhandled is dropped and logged.
   *
   * @param options.deadline 5 s unless told
   */
  close(options?: { deadline?: Duration }): Promise<void>
}

/** Nothing is subscribed to after `close`. */
export class MessagesClosedError extends Error {
  readonly code = 'LOCKSTEP_REDIS_MESSAGES_CLOSED'

  constructor(channel: string) {
    super(`cannot subscribe to ${channel}: these messages are closed`)
    this.name = 'MessagesClosedError'
  }
}

interface Subscription {
  readonly queues: Queues
  readonly leave: () => Promise<void>
}

/**
 * @param options.queue how many messages of a channel may wait for one handler, 1000 unless told
 * @throws {RedisArgumentError} for a queue that has no size
 */
export function openMessages(
  link: Pick<RedisLink, 'publish' | 'channels'>,
  { logger, queue = 1000 }: { logger: Logger; queue?: number },
): Messages {
  const most = size('queue', queue)
  const subscriptions = new Set<Subscription>()
  let dropped = 0
  let closing: Promise<void> | undefined

  function queuesFor<T>(decode: Decode<T>, handler: Handler<T>): Queues {
    const handle = async (channel: string, payload: string): Promise<void> => {
      const read = readPayload(payload, decode)
      if ('wrong' in read) {
        logger.warn({ channel, reason: read.wrong }, 'message cannot be read, and is skipped')
        return
      }
      try {
        await handler(read.value, channel)
      } catch (err) {
        logger.error({ channel, err }, 'message handler failed')
      }
    }
    return new Queues(handle, most, (channel, first) => {
      dropped++
      if (first)
        logger.warn({ channel, queue: most }, 'message handler is too slow, and the oldest are dropped')
    })
  }

  function enter(
    channel: string,
    queues: Queues,
    listen: (message: (payload: string, from: string) => void) => () => Promise<void>,
  ): () => Promise<void> {
    if (closing) throw new MessagesClosedError(channel)
    const leave = listen((payload, from) => queues.add(from, payload))
    const subscription = { queues, leave }
    subscriptions.add(subscription)
    return async () => {
      subscriptions.delete(subscription)
      queues.discard()
      await leave()
    }
  }

  /** A listener must not fail: it would keep the next from being told. */
  function told(channel: string, presence: Presence) {
    const tell = async (change: keyof Presence): Promise<void> => {
      try {
        await presence[change]?.()
      } catch (err) {
        logger.error({ channel, err }, 'message presence handler failed')
      }
    }
    return { up: () => void tell('up'), down: () => void tell('down') }
  }

  async function closeAll(deadline: number): Promise<void> {
    const all = [...subscriptions]
    const late = Promise.withResolvers<void>()
    const cancel = systemClock.after(deadline, late.resolve, true)
    await Promise.race([handleAll(all), late.promise])
    cancel()
    for (const { leave } of all) void leave()
    const busy = all.reduce((sum, { queues }) => sum + queues.size, 0)
    const left = all.reduce((sum, { queues }) => sum + queues.discard(), 0)
    if (busy > 0) logger.warn({ channels: busy, messages: left }, 'messages were not handled in time')
  }

  async function handleAll(all: readonly Subscription[]): Promise<void> {
    await link.channels.caughtUp()
    await Promise.all(all.map(({ leave }) => leave()))
    await Promise.all(all.map(({ queues }) => queues.drained()))
  }

  return {
    publish: async (channel, value) => link.publish(channel, encodeJson(value)),
    subscribe: (channel, decode, handler, presence = {}) =>
      enter(channel, queuesFor(decode, handler), (message) =>
        link.channels.listen(channel, {
          ...told(channel, presence),
          message: (payload) => message(payload, channel),
        }),
      ),
    subscribePattern: (pattern, decode, handler, presence = {}) =>
      enter(pattern, queuesFor(decode, handler), (message) =>
        link.channels.listenPattern(pattern, { ...told(pattern, presence), message }),
      ),
    get dropped() {
      return dropped
    },
    async close({ deadline = '5s' } = {}) {
      closing ??= closeAll(toMilliseconds(deadline, 'deadline'))
      return closing
    },
  }
}
