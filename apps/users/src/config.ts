import { StandardSettings } from '@lockstep/fastify'
import { PostgresSettings } from '@lockstep/postgres'
import { DurationSetting, type Environment, readSettings } from '@lockstep/settings'
import Type, { type StaticDecode } from 'typebox'
import { PasswordSettings } from './passwords/settings.ts'

/** What the users service is told besides what every service is. */
export const AccountSettings = Type.Object({
  CACHE_TTL_USERS: DurationSetting({ default: '10m', description: 'How long an account is cached' }),
  CACHE_TTL_LISTS: DurationSetting({ default: '5m', description: 'How long a page of accounts is cached' }),
  CACHE_TTL_ABSENT: DurationSetting({
    default: '10s',
    description: 'How long it is believed that an account is not there',
  }),
  CACHE_STALE_IF_ERROR: DurationSetting({
    default: '1h',
    description: 'How long past its time an account is still shown when the database does not answer',
  }),
  CACHE_L1_PAGES: Type.Integer({
    default: 100,
    minimum: 1,
    description: 'How many pages of accounts are kept in memory',
  }),
  PROFILE_TTL: DurationSetting({
    default: '20d',
    description: 'How long a profile is kept that nobody changes and whose user does not log in',
  }),
  ...PasswordSettings.properties,
  LOGIN_ATTEMPTS: Type.Integer({
    default: 10,
    minimum: 1,
    description: 'Wrong passwords that an account may get in LOGIN_WINDOW',
  }),
  LOGIN_WINDOW: DurationSetting({ default: '15m', description: 'The time in which LOGIN_ATTEMPTS count' }),
  LOGIN_ADDRESS_ATTEMPTS: Type.Integer({
    default: 30,
    minimum: 1,
    description: 'Logins, right or wrong, that an address may try in LOGIN_ADDRESS_WINDOW',
  }),
  LOGIN_ADDRESS_WINDOW: DurationSetting({
    default: '1m',
    description: 'The time in which LOGIN_ADDRESS_ATTEMPTS count',
  }),
  REGISTRATIONS: Type.Integer({
    default: 30,
    minimum: 1,
    description: 'Registrations that an address may try, and changes of email a user, in REGISTRATION_WINDOW',
  }),
  REGISTRATION_WINDOW: DurationSetting({
    default: '10m',
    description: 'The time in which REGISTRATIONS count',
  }),
})

export type AccountSettings = StaticDecode<typeof AccountSettings>

/** Everything that the users service is told by its environment. */
export const UsersSettings = Type.Object({
  ...StandardSettings.properties,
  ...PostgresSettings.properties,
  ...AccountSettings.properties,
})

export type UsersSettings = StaticDecode<typeof UsersSettings>

/** @throws {SettingsError} naming every variable that is missing or wrong */
export const readConfig = (env: Environment): UsersSettings => readSettings(UsersSettings, env)
