import { DurationSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { SECRETS } from '../secrets.ts'

/** How long sessions last, and what their cookie is like. There is no default secret: without one a service does not start. */
export const SessionSettings = Type.Object({
  SESSION_IDLE: DurationSetting({
    default: '30m',
    description: 'How long a session lasts that nobody uses',
  }),
  SESSION_ABSOLUTE: DurationSetting({
    default: '12h',
    description: 'How long a session lasts however much it is used',
  }),
  SESSION_COOKIE_SECRET: Type.String({
    pattern: SECRETS,
    secret: true,
    description:
      'Signs the cookies: 32 characters or more. After a comma, older ones that are still accepted',
  }),
  SESSION_COOKIE_SECURE: Type.Boolean({
    default: true,
    description: 'Whether browsers come by TLS, be it ended at a proxy; false for plain HTTP only',
  }),
})

export type SessionSettings = StaticDecode<typeof SessionSettings>
