import type { Environment } from '@lockstep/settings'
import { SECRET_NAMES, type Secrets } from './secrets.ts'
import type { Given } from './services.ts'

/** What the launcher knows once the stores run. */
export interface Known extends Secrets {
  readonly DATABASE_URL: string
  readonly REDIS_URL: string
}

const WITHHELD = new Set<string>(['DATABASE_URL', 'REDIS_URL', ...SECRET_NAMES])

/** What every process of the fleet is told: what the launcher was told, but for what only some need. */
export const commonEnvironment = (env: Environment): NodeJS.ProcessEnv => ({
  NODE_ENV: 'production',
  ...Object.fromEntries(Object.entries(env).filter(([name]) => !WITHHELD.has(name))),
})

/** What a program that prepares a service is told. */
export const prepareEnvironment = (
  env: Environment,
  needs: readonly Given[],
  known: Known,
): NodeJS.ProcessEnv => ({
  ...commonEnvironment(env),
  ...Object.fromEntries(needs.map((name) => [name, known[name]])),
})

/** Postgres takes 100 connections, of which a few are for others than replicas. */
const CONNECTIONS = 90
const POOL_SIZE = 10

/**
 * What a replica is told. It is reached through the gateway on this machine, whose word on who a request is from counts,
 * and over plain HTTP, on which browsers keep no `Secure` cookie.
 *
 * @param storing how many replicas share the database
 */
export function serviceEnvironment(
  env: Environment,
  needs: readonly Given[],
  known: Known,
  { gatewayUrl, storing }: { gatewayUrl: string; storing: number },
): NodeJS.ProcessEnv {
  const poolSize = Math.max(2, Math.min(POOL_SIZE, Math.floor(CONNECTIONS / Math.max(1, storing))))
  return {
    SESSION_COOKIE_SECURE: 'false',
    DATABASE_POOL_SIZE: String(poolSize),
    ...prepareEnvironment(env, needs, known),
    TRUSTED_PROXIES: '127.0.0.1',
    SHOP_URL: gatewayUrl,
  }
}
