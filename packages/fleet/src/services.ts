/** A service of the fleet. One that is added here is started, restarted and routed to; nothing else is needed. */
export interface Service {
  readonly name: string
  /** What a replica runs, from the checkout. */
  readonly entry: string
  /** What is run once before the replicas, to migrate and seed; prints one line of JSON. */
  readonly prepare?: string
  /** The paths at the gateway that are its own. */
  readonly prefixes: readonly string[]
  /** How many; `REPLICAS` is what the variable of that name says. */
  readonly replicas: number | 'REPLICAS'
}

export const services: readonly Service[] = [
  {
    name: 'catalog',
    entry: 'apps/catalog/src/server.ts',
    prepare: 'apps/catalog/src/prepare.ts',
    prefixes: ['/'],
    replicas: 'REPLICAS',
  },
]

/** The front door: spreads requests over the replicas. */
export const gatewayEntry = 'apps/gateway/src/server.ts'
