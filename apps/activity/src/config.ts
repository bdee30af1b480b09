import { StandardSettings } from '@lockstep/fastify'
import { DurationSetting, type Environment, readSettings } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** How much is kept of what happened, for whom, and what a live feed may cost. */
export const FeedSettings = Type.Object({
  EVENT_MEMORY: DurationSetting({
    default: '7d',
    description: 'How long an event is known, so that it counts once however often it is sent',
  }),
  INBOX_KEPT: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 10_000,
    description: 'How many notices an inbox holds; the oldest go',
  }),
  INBOX_TTL: DurationSetting({
    default: '20d',
    description: 'How long an inbox is kept after its last notice',
  }),
  FEED_KEPT: Type.Integer({
    default: 1000,
    minimum: 1,
    maximum: 100_000,
    description: 'How many notices of a feed are kept for who comes back; the oldest go',
  }),
  FEED_TTL: DurationSetting({ default: '7d', description: 'How long a feed is kept after its last notice' }),
  FEED_POLL: DurationSetting({
    default: '5s',
    description: 'How often open feeds are read though no message came, for those that got lost',
  }),
  FEED_HEARTBEAT: DurationSetting({
    default: '15s',
    description: 'How long a feed is silent before a comment shows that it lives',
  }),
  FEED_STALL: DurationSetting({
    default: '30s',
    description: 'How long a client may leave what was sent unread before its feed is cut',
  }),
  FEED_CHECK: DurationSetting({
    default: '1m',
    description:
      'How often it is looked whether the session or token of a feed still holds, though no message came',
  }),
  FEED_RETRY: DurationSetting({ default: '1s', description: 'How soon clients are told to come back' }),
  FEED_CONNECTIONS: Type.Integer({
    default: 1000,
    minimum: 1,
    maximum: 100_000,
    description: 'Feeds that a replica holds open',
  }),
  FEED_CONNECTIONS_PER_USER: Type.Integer({
    default: 5,
    minimum: 1,
    maximum: 1000,
    description: 'Feeds that a replica holds open for one user',
  }),
})

export type FeedSettings = StaticDecode<typeof FeedSettings>

/** Everything that the service is told by its environment. */
export const ActivitySettings = Type.Object({ ...StandardSettings.properties, ...FeedSettings.properties })

export type ActivitySettings = StaticDecode<typeof ActivitySettings>

/** @throws {SettingsError} naming every variable that is missing or wrong */
export const readConfig = (env: Environment): ActivitySettings => readSettings(ActivitySettings, env)
