import type { Messages } from '@lockstep/redis'
import Type from 'typebox'
import { Compile } from 'typebox/compile'

/** What is said on a user's channel: that there is a notice. Who wants to know which reads the feed. */
const Hint = Type.Object({ notice: Type.String() })
const isHint = Compile(Hint)

const PREFIX = 'user:'

/** The channels of users, `user:17` (requirement P2). */
export interface UserMessages {
  /** Resolves to how many replicas heard it. @throws {RedisUnavailableError} */
  tell(user: string, notice: string): Promise<number>
  /**
   * Hears of all users, over one subscription, until the messages are closed.
   *
   * @param missed called when the subscription is heard again: there may have been others
   */
  onTold(listener: (user: string) => void, missed: () => void): void
}

export function userMessages(messages: Messages): UserMessages {
  return {
    tell: (user, notice) => messages.publish(PREFIX + user, { notice }),
    onTold(listener, missed) {
      const heard = (_hint: unknown, channel: string) => listener(channel.slice(PREFIX.length))
      messages.subscribePattern(`${PREFIX}*`, hintOf, heard, { up: missed })
    },
  }
}

function hintOf(value: unknown): Type.Static<typeof Hint> {
  if (isHint.Check(value)) return value
  throw new TypeError('not a hint at a notice')
}
