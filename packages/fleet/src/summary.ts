import type { Whereabouts } from './fleet.ts'
import { masked, portOf } from './home.ts'

/** What a person wants to know once the fleet runs, with lines to copy and paste. */
export function summaryOf(
  { gatewayUrl, replicas, redisUrl, databaseUrl, dataFolder, home }: Whereabouts,
  { version, redisCli, ownRedis }: { version: number; redisCli: boolean; ownRedis: boolean },
): string {
  const data = dataFolder ?? 'in the database of DATABASE_URL'
  const watch = redisCli
    ? [
        `  redis-cli ${ownRedis ? `-p ${portOf(redisUrl)}` : '-u "$REDIS_URL"'} SUBSCRIBE cache:invalidate   # another terminal: evictions go by`,
      ]
    : []
  return [
    '',
    `The fleet runs. Ctrl-C stops it.`,
    '',
    `  Gateway    ${gatewayUrl}`,
    `  API docs   ${gatewayUrl}/docs`,
    ...replicas.map(({ name, url }) => `  ${name.padEnd(10)} ${url}`),
    `  Redis      ${masked(redisUrl)}`,
    `  Postgres   ${masked(databaseUrl)}`,
    `  Data       ${data}${dataFolder === undefined ? '' : '   (npm run reset removes it)'}`,
    `  Logs       ${home.logs}`,
    '',
    'Try: a read, twice and more (see X-Served-By and Cache-Status); a write; and the read again, evicted everywhere:',
    '',
    `  curl -i ${gatewayUrl}/books/42`,
    `  curl -X PATCH ${gatewayUrl}/books/42 -H 'content-type: application/json' -d '{"version":${version},"title":"A new title"}'`,
    `  curl -i ${gatewayUrl}/books/42`,
    ...watch,
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
