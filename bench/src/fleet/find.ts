import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'

/** What `npm start` tells of the fleet that it runs, in `fleet.json` of its folder. */
const Addresses = Type.Object({
  gatewayUrl: Type.String(),
  redisUrl: Type.Optional(Type.String()),
  replicas: Type.Array(Type.Object({ name: Type.String(), url: Type.String() })),
})

/** Who may clear caches: made by the first start, for its owner alone. */
const Secrets = Type.Object({ ADMIN_EMAIL: Type.String(), ADMIN_PASSWORD: Type.String() })

export interface RunningFleet {
  readonly gatewayUrl: string
  readonly redisUrl: string | undefined
  /** The replicas of the catalogue, past the gateway. */
  readonly catalogs: readonly string[]
  readonly admin: { readonly email: string; readonly password: string }
}

/** The bench cannot be run as it is; the message says what to do. */
export class BenchError extends Error {
  readonly code = 'LOCKSTEP_BENCH'

  constructor(problem: string) {
    super(problem)
    this.name = 'BenchError'
  }
}

/**
 * @param home the fleet's folder
 * @throws {BenchError} when no fleet has been started there
 */
export function findFleet(home: string, env: NodeJS.ProcessEnv): RunningFleet {
  const addresses = read(join(home, 'fleet.json'), Addresses)
  if (addresses === undefined) throw new BenchError(`No fleet runs from ${home}: start it with \`npm start\``)
  const secrets = read(join(home, 'secrets.json'), Secrets)
  const email = env['ADMIN_EMAIL'] ?? secrets?.ADMIN_EMAIL
  const password = env['ADMIN_PASSWORD'] ?? secrets?.ADMIN_PASSWORD
  if (email === undefined || password === undefined) {
    throw new BenchError('Who is the admin? Set ADMIN_EMAIL and ADMIN_PASSWORD as the fleet was started with')
  }
  return {
    gatewayUrl: addresses.gatewayUrl,
    redisUrl: env['REDIS_URL'] ?? addresses.redisUrl,
    catalogs: addresses.replicas.filter(({ name }) => name.startsWith('catalog-')).map(({ url }) => url),
    admin: { email, password },
  }
}

function read<S extends Type.TSchema>(file: string, schema: S): Static<S> | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Value.Check(schema, found) ? found : undefined
  } catch {
    return undefined
  }
}
