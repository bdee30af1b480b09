import { StandardSettings } from '@lockstep/fastify'
import { PostgresSettings } from '@lockstep/postgres'
import { DurationSetting, type Environment, readSettings } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'

/** What is peculiar to orders. */
export const OwnSettings = Type.Object({
  SHOP_URL: Type.String({
    default: 'http://127.0.0.1:8080',
    pattern: '^https?://',
    description: 'Where the other services are: the gateway',
  }),
  SHOP_TIMEOUT: DurationSetting({
    default: '2s',
    description: 'The longest that a request to another service may take',
  }),
  STOCK_INITIAL: Type.Integer({
    default: 100,
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Copies of a book whose stock nobody has set',
  }),
  ORDERS_CONCURRENCY: Type.Integer({
    default: 4,
    minimum: 0,
    maximum: 100,
    description: 'How many orders this process works on at once; 0: it only takes requests',
  }),
  ORDERS_POLL: DurationSetting({
    default: '1s',
    description: 'How often it looks for orders that no message told it of',
  }),
  ORDERS_LOCK_TTL: DurationSetting({
    default: '30s',
    description: 'How long the lock of an order outlives a process that died with it',
  }),
  ANNOUNCE_RETRY: DurationSetting({
    default: '1s',
    description: 'The pause after an announcement that failed; each is twice the one before',
  }),
  ANNOUNCE_RETRY_MAX: DurationSetting({ default: '1m', description: 'The longest such pause' }),
  CACHE_TTL_STOCK: DurationSetting({
    default: '5m',
    description: 'How long the stock of a book is cached',
  }),
  CACHE_TTL_BOOKS: DurationSetting({
    default: '30m',
    description: "How long the catalogue's word on a book is cached",
  }),
  CACHE_TTL_ABSENT: DurationSetting({
    default: '5s',
    description: 'How long it is believed that there is no such book',
  }),
  CACHE_STALE_IF_ERROR: DurationSetting({
    default: '1h',
    description: 'How long past its time a book is still believed in when the catalogue does not answer',
  }),
})

/** Everything that orders are told by their environment. */
export const OrdersSettings = Type.Object({
  ...StandardSettings.properties,
  ...PostgresSettings.properties,
  ...OwnSettings.properties,
})

export type OrdersSettings = StaticDecode<typeof OrdersSettings>

/** @throws {SettingsError} naming every variable that is missing or wrong */
export const readConfig = (env: Environment): OrdersSettings => readSettings(OrdersSettings, env)
