import { join } from 'node:path'
import { type Environment, readSettings } from '@lockstep/settings'
import Type from 'typebox'

export const FleetSettings = Type.Object({
  REPLICAS: Type.Integer({ default: 3, minimum: 1, maximum: 32, description: 'Replicas of the catalogue' }),
  SERVICE_REPLICAS: Type.Integer({
    default: 2,
    minimum: 1,
    maximum: 32,
    description: 'Replicas of each other service',
  }),
  PORT: Type.Integer({
    default: 8080,
    minimum: 1,
    maximum: 65_535,
    description: "Wish for the gateway's port; the next free one when it is taken",
  }),
  REDIS_URL: Type.Optional(
    Type.String({
      pattern: '^rediss?://',
      description: 'A Redis to use in place of one of our own',
      secret: true,
    }),
  ),
  DATABASE_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'A Postgres to use in place of one of our own',
      secret: true,
    }),
  ),
  LOCKSTEP_HOME: Type.Optional(Type.String({ description: 'Where data and logs are kept' })),
})

export interface FleetConfig {
  readonly replicas: { readonly REPLICAS: number; readonly SERVICE_REPLICAS: number }
  readonly port: number
  readonly redisUrl: string | undefined
  readonly databaseUrl: string | undefined
  /** The folder of everything the fleet keeps. */
  readonly home: string
  /** The checkout, whose services are run. */
  readonly root: string
  /** What services inherit. */
  readonly env: Environment
}

/** @throws {SettingsError} naming every variable that is wrong */
export function readConfig(env: Environment, root: string): FleetConfig {
  const settings = readSettings(FleetSettings, env)
  return {
    replicas: { REPLICAS: settings.REPLICAS, SERVICE_REPLICAS: settings.SERVICE_REPLICAS },
    port: settings.PORT,
    redisUrl: settings.REDIS_URL,
    databaseUrl: settings.DATABASE_URL,
    home: settings.LOCKSTEP_HOME ?? join(root, '.lockstep'),
    root,
    env,
  }
}
