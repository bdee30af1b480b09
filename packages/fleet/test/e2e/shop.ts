import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RunningServer } from '@lockstep/servers'
import {
  type ServiceProcess,
  startService,
  type Teardown,
  testPostgres,
  testRedis,
  until,
} from '@lockstep/testing'
import pg from 'pg'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'

const app = (path: string) => fileURLToPath(new URL(`../../../../apps/${path}`, import.meta.url))

/** A book as the service shows it, as far as these tests look. */
const Shown = Type.Object({ id: Type.Integer(), version: Type.Integer(), title: Type.String() })
type Shown = Static<typeof Shown>

/** A problem, where a book was asked for: the status says so, and the rest is not looked at. */
const NO_BOOK: Shown = { id: 0, version: 0, title: '' }

/** An answer of the catalogue. */
export interface Answer {
  status: number
  servedBy: string
  cacheStatus: string
  book: Shown
}

/** A bookshop of real processes: Redis, Postgres, three replicas of the catalogue, and the gateway before them. */
export interface Shop {
  readonly redis: RunningServer
  readonly database: pg.Pool
  readonly replicas: readonly ServiceProcess[]
  readonly gateway: ServiceProcess
  /** One more replica, which the gateway does not know. */
  startReplica(id: string, env: Record<string, string>): Promise<ServiceProcess>
  /** Until the shop closes, not until the subtest ends. */
  teardown(action: () => unknown): void
}

export async function openShop(t: Teardown): Promise<Shop> {
  const [redis, postgres] = await Promise.all([testRedis(t), testPostgres(t)])
  const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, LOG_LEVEL: 'warn' }
  const prepared = spawnSync(process.execPath, [app('catalog/src/prepare.ts')], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  if (prepared.status !== 0) throw new Error(prepared.stderr)
  const startReplica = (id: string, more: Record<string, string> = {}) =>
    startService(t, app('catalog/src/server.ts'), { ...env, SERVICE_ID: id, ...more })
  const replicas = await Promise.all([1, 2, 3].map((n) => startReplica(`catalog-${n}`)))
  const services = [{ name: 'catalog', prefixes: ['/'], upstreams: replicas.map(({ url }) => url) }]
  const gateway = await startService(t, app('gateway/src/server.ts'), {
    SERVICE_ID: 'gateway',
    LOG_LEVEL: 'error',
    GATEWAY_SERVICES: JSON.stringify(services),
  })
  const database = new pg.Pool({ connectionString: postgres.url, max: 2 })
  database.on('error', () => {})
  t.teardown(() => database.end())
  await Promise.all(replicas.map(inStep))
  return { redis, database, replicas, gateway, startReplica, teardown: (action) => t.teardown(action) }
}

export async function health({ url }: { url: string }): Promise<string> {
  const { status } = Value.Parse(
    Type.Object({ status: Type.String() }),
    await (await fetch(`${url}/health`)).json(),
  )
  return status
}

/** Waits until a service hears the bus and has all that it depends on. */
export const inStep = (service: { url: string }) =>
  until(`${service.url} is healthy`, async () => (await health(service)) === 'healthy')

export async function read(url: string, id: number): Promise<Answer> {
  return answer(await fetch(`${url}/books/${id}`))
}

export async function write(
  url: string,
  id: number,
  change: { version: number; title: string },
): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  return answer(await fetch(`${url}/books/${id}`, { method: 'PATCH', headers, body: JSON.stringify(change) }))
}

async function answer(response: Response): Promise<Answer> {
  return {
    status: response.status,
    servedBy: response.headers.get('x-served-by') ?? '',
    cacheStatus: response.headers.get('cache-status') ?? '',
    book: response.ok ? Value.Parse(Shown, await response.json()) : NO_BOOK,
  }
}

/** Reads until L1 itself answers. */
export const warm = (url: string, id: number) =>
  until(`book ${id} is in L1 of ${url}`, async () => {
    const found = await read(url, id)
    return found.cacheStatus.startsWith('lockstep-l1; hit') ? found.book : undefined
  })

/** Numbers from 0 up to 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The p50, p99 and greatest of some times, for people to read. */
export function percentiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms over ${times.length}`
}
