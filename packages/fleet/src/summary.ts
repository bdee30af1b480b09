import { relative } from 'node:path'
import type { Whereabouts } from './fleet.ts'
import { masked, portOf } from './home.ts'
import { triesOf } from './tries.ts'

/** What a person wants to know once the fleet runs, with lines to copy and paste. No secret is shown. */
export function summaryOf(
  { gatewayUrl, replicas, redisUrl, databaseUrl, dataFolder, home }: Whereabouts,
  known: { version: number; redisCli: boolean; ownRedis: boolean; services: readonly string[]; root: string },
): string {
  const data = dataFolder ?? 'in the database of DATABASE_URL'
  const shown = (path: string) => (path.startsWith(`${known.root}/`) ? relative(known.root, path) : path)
  const tries = triesOf({
    gatewayUrl,
    adminFile: shown(home.adminFile),
    version: known.version,
    services: new Set(known.services),
  })
  const redisCli = `redis-cli ${known.ownRedis ? `-p ${portOf(redisUrl)}` : '-u "$REDIS_URL"'}`
  return [
    '',
    `The fleet runs. Ctrl-C stops it.`,
    '',
    `  Gateway    ${gatewayUrl}`,
    `  API docs   ${gatewayUrl}/docs   (of all services)`,
    ...replicas.map(({ name, url }) => `  ${name.padEnd(10)} ${url}`),
    `  Redis      ${masked(redisUrl)}`,
    `  Postgres   ${masked(databaseUrl)}`,
    `  Data       ${data}${dataFolder === undefined ? '' : '   (npm run reset removes it)'}`,
    `  Logs       ${home.logs}`,
    `  Admin      . ${shown(home.adminFile)}   (ADMIN_TOKEN, ADMIN_EMAIL, ADMIN_PASSWORD for your shell)`,
    '',
    'To try, in another terminal:',
    ...tries.flatMap(({ about, lines }) => ['', `# ${about}`, ...lines]),
    ...(known.redisCli ? ['', '# Evictions go by', `${redisCli} SUBSCRIBE cache:invalidate`] : []),
    '',
  ].join('\n')
}

/** The version that the write of the summary must name to be accepted; 1, as of a new book, when it cannot be had. */
export async function versionOfBook(gatewayUrl: string, id: number): Promise<number> {
  try {
    const response = await fetch(`${gatewayUrl}/books/${id}`, { signal: AbortSignal.timeout(2_000) })
    const book: unknown = await response.json()
    return typeof book === 'object' && book !== null && 'version' in book ? Number(book.version) || 1 : 1
  } catch {
    return 1
  }
}
