import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, type RunningPostgres, type RunningServer, startPostgres } from '@lockstep/servers'
import { type ServiceProcess, startService, type Teardown, testRedis, until } from '@lockstep/testing'
import { commonEnvironment, prepareEnvironment, serviceEnvironment } from '../../src/environment.ts'
import { prepare } from '../../src/prepare.ts'
import { gatewayEntry, services } from '../../src/services.ts'
import { withSmallHeap } from '../../src/small-heap.ts'
import { health } from './shop.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
/** What one file of tests has compiled, the next need not. */
const compileCache = fileURLToPath(new URL('../../.tap/compile-cache', import.meta.url))

/** Known to the tests, as they forge with some of them. */
export const secrets = {
  TOKEN_KEY: 'the key of the tests, of 32 letters and more'.replaceAll(' ', '-').replaceAll(',', ''),
  SESSION_COOKIE_SECRET: 'another-secret-of-32-letters-and-more',
  ADMIN_TOKEN: 'the-token-of-the-operator',
  ADMIN_EMAIL: 'admin@bookshop.example',
  ADMIN_PASSWORD: 'a password for the tests',
}

/** The whole bookshop in real processes, as `npm start` puts it together, but with stores that the test has in its hands. */
export interface Bookshop extends Teardown {
  /** Of the gateway. */
  readonly url: string
  readonly redis: RunningServer
  readonly postgres: RunningPostgres
  /** By their names: `users-1`. */
  readonly replicas: ReadonlyMap<string, ServiceProcess>
  /** Starts a replica that was ended, at its address. */
  revive(name: string): Promise<void>
  /** Starts a Postgres that was stopped, with its data, at its address. */
  revivePostgres(): Promise<void>
  /** Waits until all replicas hear the bus and have all that they depend on. */
  allWell(): Promise<void>
}

/**
 * @param env on top of what `npm start` tells the services
 * @param count how many replicas of each service
 */
export async function openBookshop(
  t: Teardown,
  env: Record<string, string> = {},
  count = 2,
): Promise<Bookshop> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bookshop-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const openPostgres = async (port?: number) => {
    const quick = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
    const running = await startPostgres({ folder, settings: quick, ...(port === undefined ? {} : { port }) })
    t.teardown(() => running.stop())
    return running
  }
  // One after the other: what starts while another start fails would be left over.
  let postgres = await openPostgres()
  const redis = await testRedis(t)
  const gatewayPort = await freePort()
  const known = { ...secrets, REDIS_URL: redis.url, DATABASE_URL: postgres.url }
  const told = withSmallHeap({
    LOG_LEVEL: 'warn',
    ORDERS_LOCK_TTL: '5s',
    // Machines that are busy answer late.
    REDIS_COMMAND_TIMEOUT: '1s',
    NODE_COMPILE_CACHE: compileCache,
    ...env,
  })

  for (const { name, prepare: program } of services) {
    if (!program) continue
    const place = { entry: join(root, program.entry), cwd: root, logFile: join(folder, `${name}.log`) }
    const own = prepareEnvironment({ ...process.env, ...told }, program.needs, known)
    await prepare(name, { ...place, env: own }, new AbortController().signal)
  }
  const replicas = new Map<string, ServiceProcess>()
  const place = { gatewayUrl: `http://127.0.0.1:${gatewayPort}`, storing: 3 * count }
  const start = async (name: string, port: string) => {
    const service = services.find((one) => name.startsWith(`${one.name}-`))
    if (!service) throw new Error(`no service has the replica ${name}`)
    const own = { ...serviceEnvironment(told, service.needs, known, place), SERVICE_ID: name, PORT: port }
    replicas.set(name, await startService(t, join(root, service.entry), textsOf(own)))
  }
  const list = []
  const starts: Promise<void>[] = []
  for (const { name, prefixes } of services) {
    const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
    starts.push(...ports.map((port, at) => start(`${name}-${at + 1}`, String(port))))
    list.push({ name, prefixes, upstreams: ports.map((port) => `http://127.0.0.1:${port}`) })
  }
  const gatewayEnv = {
    ...commonEnvironment(told),
    SERVICE_ID: 'gateway',
    PORT: String(gatewayPort),
    GATEWAY_SERVICES: JSON.stringify(list),
  }
  const [gateway] = await Promise.all([
    startService(t, join(root, gatewayEntry), textsOf(gatewayEnv)),
    ...starts,
  ])
  const allWell = async () => {
    await Promise.all([...replicas.values()].map((replica) => inStep(replica)))
    await until('the gateway knows', async () => (await health(gateway)) === 'healthy', 60_000)
  }
  await allWell()
  return {
    url: gateway.url,
    redis,
    get postgres() {
      return postgres
    },
    replicas,
    teardown: (action) => t.teardown(action),
    async revive(name) {
      const { port } = new URL(replicas.get(name)?.url ?? '')
      await start(name, port)
    },
    async revivePostgres() {
      postgres = await openPostgres(postgres.port)
    },
    allWell,
  }
}

const inStep = (replica: ServiceProcess) =>
  until(`${replica.url} is healthy`, async () => (await health(replica)) === 'healthy', 60_000)

const textsOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
