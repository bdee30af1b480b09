import { resolve } from 'node:path'
import { findRedisServer, freePortFrom, type RunningServer } from '@lockstep/servers'
import type { FleetConfig } from './config.ts'
import { commonEnvironment, type Known, prepareEnvironment, serviceEnvironment } from './environment.ts'
import {
  type Addresses,
  freshLog,
  type Home,
  homeAt,
  masked,
  portOf,
  readAddresses,
  writeAddresses,
} from './home.ts'
import { prepare } from './prepare.ts'
import { replica } from './replica.ts'
import { openSecrets } from './secrets.ts'
import type { Service } from './services.ts'
import { type Slot, slotsOf, urlOf } from './slots.ts'
import type { Steps } from './steps.ts'
import { postgresStore, redisStore, type Store } from './stores.ts'
import { type Kept, keepRunning, type Supervised } from './supervisor.ts'

/** What is run: the services, and the program in front of them. */
export interface Plan {
  readonly services: readonly Service[]
  readonly gatewayEntry: string
}

/** Where everything is, for the summary of a start. */
export interface Whereabouts {
  readonly gatewayUrl: string
  readonly replicas: readonly { readonly name: string; readonly url: string }[]
  readonly redisUrl: string
  readonly databaseUrl: string
  /** The folder of the data of our own Postgres. */
  readonly dataFolder: string | undefined
  readonly home: Home
}

export interface Fleet {
  /** Starts everything, step by step; rejects when something cannot be started, or when `stop` is called meanwhile. */
  start(): Promise<Whereabouts>
  /** Ends everything in good order: gateway, then replicas, then Redis and Postgres. */
  stop(): Promise<void>
  /** Ends everything at once. */
  kill(): Promise<void>
}

type Served = Pick<Whereabouts, 'gatewayUrl' | 'replicas'>

/** The layers of the fleet, in the order in which they are stopped. */
type Layer = 'gateway' | 'replicas' | 'stores'

const stopGrace: Record<Layer, number> = { gateway: 12_000, replicas: 12_000, stores: 20_000 }

export function createFleet(plan: Plan, config: FleetConfig, steps: Steps): Fleet {
  const home = homeAt(resolve(config.home))
  const over = new AbortController()
  const layers: Record<Layer, Kept[]> = { gateway: [], replicas: [], stores: [] }
  let busy: Promise<unknown> = Promise.resolve()

  /** Puts a process in the hands of a supervisor, unless the fleet is being stopped. */
  function keep(layer: Layer, process: Supervised): Kept {
    over.signal.throwIfAborted()
    const kept = keepRunning(process, steps.note)
    layers[layer].push(kept)
    return kept
  }

  async function startStore(store: Store<RunningServer>): Promise<string> {
    await keep('stores', store).started
    return store.running()?.url ?? ''
  }

  async function redis(last: Addresses): Promise<string> {
    const { redisUrl } = config
    if (redisUrl !== undefined) {
      return steps.step(async () => ({ done: `Redis of REDIS_URL: ${masked(redisUrl)}`, value: redisUrl }))
    }
    const server = await steps.step(async () => {
      const found = await findRedisServer({ report: steps.note, signal: over.signal, keep: home.redis })
      return { done: `Found ${found.description}`, value: found }
    })
    return steps.step(async () => {
      const place = { logFile: freshLog(home, 'redis'), preferredPort: portOf(last.redisUrl) }
      const url = await startStore(redisStore(server, place))
      return { done: `Redis on ${masked(url)}`, value: url }
    })
  }

  async function postgres(last: Addresses): Promise<{ url: string; folder: string | undefined }> {
    const { databaseUrl } = config
    return steps.step(async () => {
      if (databaseUrl !== undefined) {
        const done = `Postgres of DATABASE_URL: ${masked(databaseUrl)}`
        return { done, value: { url: databaseUrl, folder: undefined } }
      }
      const place = { logFile: freshLog(home, 'postgres'), preferredPort: portOf(last.databaseUrl) }
      const store = postgresStore(home.postgres, place)
      const url = await startStore(store)
      return { done: `Postgres on ${masked(url)}`, value: { url, folder: store.running()?.folder } }
    })
  }

  async function prepareService({ name, prepare: program }: Service, known: Known): Promise<void> {
    if (program === undefined) return
    await steps.step(async () => {
      const env = prepareEnvironment(config.env, program.needs, known)
      const spec = { entry: resolve(config.root, program.entry), cwd: config.root, env }
      const logFile = freshLog(home, `${name}-prepare`)
      const outcome = await prepare(name, { ...spec, logFile }, over.signal)
      return { done: `Database of ${name}: ${outcome}`, value: undefined }
    })
  }

  /** All at the same time; the first that fails is told of when the others have come to their end, too. */
  async function prepareAll(known: Known): Promise<void> {
    const ends = await Promise.allSettled(plan.services.map((service) => prepareService(service, known)))
    for (const one of ends) if (one.status === 'rejected') throw one.reason
  }

  function keepReplica(
    layer: Layer,
    { name, port, entry }: Pick<Slot, 'name' | 'port' | 'entry'>,
    env: NodeJS.ProcessEnv,
  ): Kept {
    const spec = { name, port, env, entry: resolve(config.root, entry), cwd: config.root }
    return keep(layer, replica({ ...spec, logFile: freshLog(home, name) }))
  }

  /** The services and the gateway at the same time: each spends its start on a core of its own. */
  async function startServices(known: Known): Promise<Served> {
    const gatewayPort = await freePortFrom(config.port)
    const slots = await slotsOf(plan.services, config.replicas, gatewayPort)
    const place = {
      gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
      storing: slots.filter(({ needs }) => needs.includes('DATABASE_URL')).length,
    }
    const kept = slots.map((slot) =>
      keepReplica('replicas', slot, serviceEnvironment(config.env, slot.needs, known, place)),
    )
    const list = plan.services.map(({ name, prefixes }) => {
      const own = slots.filter(({ service }) => service === name)
      return { name, prefixes, upstreams: own.map(urlOf) }
    })
    const gateway = keepReplica(
      'gateway',
      { name: 'gateway', entry: plan.gatewayEntry, port: gatewayPort },
      // Nothing is in front of it that would have to notice first that it stops.
      {
        DRAIN_DELAY: '0ms',
        ...commonEnvironment(config.env),
        GATEWAY_SERVICES: JSON.stringify(list),
      },
    )
    await steps.step(async () => {
      await Promise.all(kept.map(({ started }) => started))
      const counts = list.map(({ name, upstreams }) => `${name} × ${upstreams.length}`)
      return { done: `Replicas ready: ${counts.join(', ')}`, value: undefined }
    })
    const gatewayUrl = await steps.step(async () => {
      await gateway.started
      const taken = gatewayPort === config.port ? '' : `, as port ${config.port} is taken`
      const url = `http://localhost:${gatewayPort}`
      return { done: `Gateway on ${url}${taken}`, value: url }
    })
    return { gatewayUrl, replicas: slots.map((slot) => ({ name: slot.name, url: urlOf(slot) })) }
  }

  async function startAll(): Promise<Whereabouts> {
    const last = readAddresses(home)
    const secrets = openSecrets(home, config.env)
    const redisUrl = await redis(last)
    const { url: databaseUrl, folder } = await postgres(last)
    const ours: Addresses = {
      ...(config.redisUrl === undefined ? { redisUrl } : {}),
      ...(config.databaseUrl === undefined ? { databaseUrl } : {}),
    }
    writeAddresses(home, ours)
    const known = { ...secrets, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl }
    await prepareAll(known)
    const { gatewayUrl, replicas } = await startServices(known)
    over.signal.throwIfAborted()
    writeAddresses(home, { ...ours, gatewayUrl, replicas })
    return { gatewayUrl, replicas, redisUrl, databaseUrl, dataFolder: folder, home }
  }

  /** Gives up a start that is under way; those it has put in the hands of supervisors are ended by layers. */
  async function end(one: (kept: Kept, layer: Layer) => Promise<void>): Promise<void> {
    over.abort()
    for (const layer of ['gateway', 'replicas', 'stores'] as const) {
      await Promise.all(layers[layer].map((kept) => one(kept, layer)))
    }
    await busy
  }

  return {
    start() {
      const start = startAll()
      busy = start.catch(() => {})
      return start
    },
    stop: () => end((kept, layer) => kept.stop(stopGrace[layer])),
    kill: () => end((kept) => kept.kill()),
  }
}
