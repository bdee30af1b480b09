import { DurationSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { SECRETS } from '../secrets.ts'

/** How callers are known by their bearer tokens. */
export const CallerSettings = Type.Object({
  TOKEN_KEY: Type.Optional(
    Type.String({
      pattern: SECRETS,
      secret: true,
      description:
        'Signs bearer tokens: 32 characters or more, the same in all services. After a comma, older ones that are still accepted',
    }),
  ),
  TOKEN_TTL: DurationSetting({ default: '15m', description: 'How long a bearer token is good for' }),
})

export type CallerSettings = StaticDecode<typeof CallerSettings>
