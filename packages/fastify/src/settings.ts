import { DurationSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** What every HTTP service of the fleet is told by its environment. */
export const ServiceSettings = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on' }),
  PORT: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: 'Port to listen on; 0 takes a free one',
  }),
  SERVICE_ID: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9._-]+$',
      description: 'Names this replica in X-Served-By and in logs',
    }),
  ),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f.:/]+(,[0-9A-Fa-f.:/]+)*$',
      description: 'Addresses and CIDRs, with commas between, that may say on whose behalf a request comes',
    }),
  ),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description: 'The least that is logged',
  }),
  DRAIN_DELAY: DurationSetting({
    default: '1s',
    description: 'How long a stopping service still takes requests, so that load balancers notice first',
    orZero: true,
  }),
  CLOSE_TIMEOUT: DurationSetting({
    default: '10s',
    description: 'The longest that requests under way may take after that',
  }),
  ADMIN_TOKEN: Type.Optional(
    Type.String({
      pattern: '^[!-~]{16,}$',
      secret: true,
      description: 'Whoever has it is the operator, an admin; without one there is none',
    }),
  ),
})

export type ServiceSettings = StaticDecode<typeof ServiceSettings>
