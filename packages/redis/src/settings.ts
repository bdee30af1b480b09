import { DurationSetting, SecretSetting } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** `host:port` with commas between; an IPv6 address in brackets. */
const ADDRESSES = String.raw`^(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]]+):\d{1,5}(,(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]]+):\d{1,5})*$`

/** How a process reaches Redis, by address or in parts, through Sentinel or on a Cluster, and how long it may wait for it (requirements C1, C2). */
export const RedisSettings = Type.Object({
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      secret: true,
      description: 'redis://user:password@host:port/db, rediss:// for TLS; wins over the parts below',
    }),
  ),
  REDIS_HOST: Type.String({ default: '127.0.0.1', description: 'Host' }),
  REDIS_PORT: Type.Integer({ default: 6379, minimum: 1, maximum: 65_535, description: 'Port' }),
  REDIS_DB: Type.Integer({ default: 0, minimum: 0, description: 'Database number' }),
  REDIS_USERNAME: Type.Optional(Type.String({ description: 'ACL user' })),
  REDIS_PASSWORD: Type.Optional(SecretSetting({ description: 'Password, also beside an URL without one' })),
  REDIS_TLS: Type.Boolean({ default: false, description: 'TLS, when there is no URL to say so' }),
  REDIS_SENTINELS: Type.Optional(
    Type.String({
      pattern: ADDRESSES,
      description: 'host:port of each sentinel, with commas between; they say where the primary is',
    }),
  ),
  REDIS_SENTINEL_NAME: Type.Optional(Type.String({ description: 'What the sentinels call the primary' })),
  REDIS_SENTINEL_PASSWORD: Type.Optional(SecretSetting({ description: 'Password of the sentinels' })),
  REDIS_CLUSTER_NODES: Type.Optional(
    Type.String({
      pattern: ADDRESSES,
      description: 'host:port of some nodes of a Redis Cluster, with commas between; they name the others',
    }),
  ),
  REDIS_CONNECT_TIMEOUT: DurationSetting({
    default: '2s',
    description: 'The longest one attempt to connect may take',
  }),
  REDIS_COMMAND_TIMEOUT: DurationSetting({
    default: '100ms',
    description: 'The longest a read waits for a Redis that does not answer; once, then the breaker is open',
  }),
  REDIS_RETRY_DELAY_MAX: DurationSetting({
    default: '1s',
    description: 'The longest pause between two attempts to connect; attempts never end',
  }),
  REDIS_HEARTBEAT: DurationSetting({
    default: '1s',
    description: 'How often a silent connection is asked whether it lives; no answer for two beats ends it',
  }),
  REDIS_KEEP_ALIVE: DurationSetting({
    default: '30s',
    description: 'Idle time before TCP keep-alive probes begin',
  }),
  KEY_PREFIX: Type.String({
    default: 'shop',
    pattern: '^[a-z0-9][a-z0-9_-]*$',
    description: 'Begins every key and names the instance on a shared Redis',
  }),
})

export type RedisSettings = StaticDecode<typeof RedisSettings>
