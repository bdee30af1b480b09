import { DurationSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** How long each class of data is kept, from the environment (requirement K10): `ttl: settings.TTL_PRODUCT`. */
export const TtlSettings = Type.Object({
  TTL_STATIC: DurationSetting({ default: '24h', description: 'Data that hardly ever changes' }),
  TTL_USER: DurationSetting({ default: '30m', description: 'Data of a user' }),
  TTL_PRODUCT: DurationSetting({ default: '30m', description: 'Data of a product' }),
  TTL_SESSION: DurationSetting({ default: '20m', description: 'Sessions' }),
  TTL_TEMPORARY: DurationSetting({ default: '5m', description: 'Data that is soon worthless' }),
  TTL_LOCK: DurationSetting({ default: '30s', description: 'Locks' }),
  TTL_DEFAULT: DurationSetting({ default: '15m', description: 'Everything else' }),
})

export type TtlSettings = StaticDecode<typeof TtlSettings>
