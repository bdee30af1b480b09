import type { SecretName } from './secrets.ts'

/** A variable that the launcher knows and a service is only told when it needs it. */
export type Given = 'DATABASE_URL' | 'REDIS_URL' | SecretName

/** A service of the fleet. One that is added here is started, restarted and routed to; nothing else is needed. */
export interface Service {
  readonly name: string
  /** What a replica runs, from the checkout. */
  readonly entry: string
  /** The paths at the gateway that are its own; it is also there as a whole under `/services/<name>`. */
  readonly prefixes: readonly string[]
  /** How many; or the variable that says so. */
  readonly replicas: number | 'REPLICAS' | 'SERVICE_REPLICAS'
  /** What it is told of what the launcher knows. */
  readonly needs: readonly Given[]
  /** What is run once before the replicas, to migrate and seed: prints one line of JSON. It may need more than a replica. */
  readonly prepare?: { readonly entry: string; readonly needs: readonly Given[] }
}

const STANDARD = ['REDIS_URL', 'TOKEN_KEY', 'SESSION_COOKIE_SECRET', 'ADMIN_TOKEN'] as const
const STORING = ['DATABASE_URL', ...STANDARD] as const

export const services: readonly Service[] = [
  {
    name: 'catalog',
    entry: 'apps/catalog/src/server.ts',
    prefixes: ['/'],
    replicas: 'REPLICAS',
    needs: STORING,
    prepare: { entry: 'apps/catalog/src/prepare.ts', needs: STORING },
  },
  {
    name: 'users',
    entry: 'apps/users/src/server.ts',
    prefixes: ['/users', '/auth', '/profile', '/sessions'],
    replicas: 'SERVICE_REPLICAS',
    needs: STORING,
    prepare: {
      entry: 'apps/users/src/prepare.ts',
      needs: ['DATABASE_URL', 'ADMIN_EMAIL', 'ADMIN_PASSWORD'],
    },
  },
  {
    name: 'orders',
    entry: 'apps/orders/src/server.ts',
    prefixes: ['/orders', '/stock'],
    replicas: 'SERVICE_REPLICAS',
    needs: STORING,
    prepare: { entry: 'apps/orders/src/prepare.ts', needs: ['DATABASE_URL'] },
  },
  {
    name: 'activity',
    entry: 'apps/activity/src/server.ts',
    prefixes: ['/leaderboard', '/inbox', '/feed', '/notifications', '/events'],
    replicas: 'SERVICE_REPLICAS',
    needs: STANDARD,
  },
]

/** The front door: spreads requests over the replicas. */
export const gatewayEntry = 'apps/gateway/src/server.ts'
