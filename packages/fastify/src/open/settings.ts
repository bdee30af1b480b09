import { RedisSettings } from '@lockstep/redis'
import { DurationSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { CallerSettings } from '../caller/index.ts'
import { SessionSettings } from '../session/index.ts'
import { ServiceSettings } from '../settings.ts'

/** What every service with callers is told by its environment; a service adds its own. */
export const StandardSettings = Type.Object({
  NODE_ENV: Type.Optional(
    Type.String({ description: '`production`: there must be keys; else a process makes up what is missing' }),
  ),
  ...ServiceSettings.properties,
  ...RedisSettings.properties,
  ...CallerSettings.properties,
  ...SessionSettings.properties,
  SESSION_COOKIE_SECRET: Type.Optional(SessionSettings.properties.SESSION_COOKIE_SECRET),
  LIMIT_REQUESTS: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 1_000_000,
    description: 'Requests that a user, or an address without one, may make in LIMIT_WINDOW; 0: any number',
  }),
  LIMIT_WINDOW: DurationSetting({ default: '1m', description: 'The time in which LIMIT_REQUESTS count' }),
  CACHE_L1_ENTRIES: Type.Integer({
    default: 10_000,
    minimum: 1,
    description: 'How many entries of each cache are kept in memory',
  }),
})

export type StandardSettings = StaticDecode<typeof StandardSettings>
