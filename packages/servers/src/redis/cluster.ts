import { join } from 'node:path'
import { freePort } from '../ports.ts'
import type { RunningServer } from '../running.ts'
import { agreed, holds, type NodeView, shareOf, viewOf } from './cluster-state.ts'
import { killAll, redisProgram, settled, startAll } from './group.ts'
import { beginMigration, type Migration } from './migration.ts'
import { ask, askText } from './resp.ts'
import { inScratch, startLaunch } from './start.ts'

export interface ClusterNode extends RunningServer {
  /** What the cluster calls it. */
  readonly id: string
  /** Where the other nodes reach it. */
  readonly busPort: number
}

/** A Redis Cluster. */
export interface RunningCluster {
  readonly nodes: readonly ClusterNode[]
  /** All nodes: `127.0.0.1:20001,127.0.0.1:20002`. */
  readonly addresses: string
  /** The nodes that serve slots now. */
  masters(): Promise<ClusterNode[]>
  /** The node that serves this slot now. */
  masterOf(slot: number): Promise<ClusterNode>
  /** Moves a slot with its keys, and resolves when every living node knows. */
  migrateSlot(slot: number, to: ClusterNode): Promise<void>
  /** Begins that, and leaves the rest to the caller. */
  beginMigration(slot: number, to: ClusterNode): Promise<Migration>
  /** Kills a master (-9) and resolves with the replica that serves its slots, when every living node knows. */
  failover(master: ClusterNode): Promise<ClusterNode>
  /** Kills them all. */
  stop(): Promise<void>
}

export interface ClusterOptions {
  /** Three unless given, the least that can agree on a failover. */
  readonly masters?: number
  /** One unless given. */
  readonly replicasPerMaster?: number
  /** Milliseconds of silence after which a node is held for dead; 1500 unless given. */
  readonly nodeTimeout?: number
  readonly args?: readonly string[]
}

/**
 * Starts a Redis Cluster on 127.0.0.1 and resolves when all nodes agree on who serves what. They end when this process
 * does. While a master is gone the others go on serving (`cluster-require-full-coverage no`).
 *
 * @throws {ServersError} `REDIS_NOT_FOUND`, `REDIS_START_FAILED`
 */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  const { masters = 3, replicasPerMaster = 1, nodeTimeout = 1_500, args = [] } = options
  const program = await redisProgram()
  const count = masters * (1 + replicasPerMaster)
  const nodes = await startAll(
    Array.from({ length: count }, () => () => startNode(program, nodeTimeout, args)),
  )
  try {
    await introduce(nodes, masters)
    return handle(nodes)
  } catch (error) {
    await killAll(nodes)
    throw error
  }
}

async function startNode(program: string, timeout: number, args: readonly string[]): Promise<ClusterNode> {
  const busPort = await freePort()
  const node = await inScratch((scratch) => {
    const command = (port: number) => ({
      command: program,
      args: [
        ...settingsOf(scratch, timeout),
        '--port',
        String(port),
        '--cluster-port',
        String(busPort),
        ...args,
      ],
    })
    const launch = {
      description: `${program} --cluster-enabled`,
      command,
      ready: 'Ready to accept connections',
    }
    return startLaunch(launch, {}, join(scratch, 'log'))
  })
  return { ...node, busPort, id: await askText(node.port, 'CLUSTER', 'MYID') }
}

const settingsOf = (scratch: string, timeout: number): string[] =>
  Object.entries({
    bind: '127.0.0.1',
    dir: scratch,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    'repl-diskless-sync-delay': '0',
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': String(timeout),
    'cluster-require-full-coverage': 'no',
    'cluster-replica-validity-factor': '0',
  }).flatMap(([name, value]) => [`--${name}`, value])

/** Introduces the nodes to each other: the first ones share the slots, the others follow them in turn. */
async function introduce(nodes: readonly ClusterNode[], masters: number): Promise<void> {
  for (const [index, { port }] of nodes.slice(0, masters).entries()) {
    await ask(port, ['CLUSTER', 'SET-CONFIG-EPOCH', index + 1])
    await ask(port, ['CLUSTER', 'ADDSLOTSRANGE', ...shareOf(index, masters)])
  }
  const [first, ...others] = nodes
  if (!first) return
  for (const { port, busPort } of others) {
    await ask(first.port, ['CLUSTER', 'MEET', '127.0.0.1', port, busPort])
  }
  const ports = nodes.map(({ port }) => port)
  await settled('the nodes know each other', () => agreed(ports, nodes.length))
  for (const [index, { port }] of nodes.slice(masters).entries()) {
    await ask(port, ['CLUSTER', 'REPLICATE', nodes[index % masters]?.id ?? ''])
  }
  await settled('the replicas follow', async () => {
    const views = await Promise.all(ports.map(viewOf))
    const known = views.every(
      (view) => view.filter(({ master }) => !master).length === nodes.length - masters,
    )
    return known && (await synchronised(nodes.slice(masters))) && agreed(ports, nodes.length)
  })
}

async function synchronised(replicas: readonly ClusterNode[]): Promise<boolean> {
  const said = await Promise.all(replicas.map(({ port }) => askText(port, 'INFO', 'replication')))
  return said.every((info) => info.includes('master_link_status:up'))
}

function handle(nodes: readonly ClusterNode[]): RunningCluster {
  const gone = new Set<ClusterNode>()
  for (const node of nodes) void node.exited.then(() => gone.add(node))
  const living = (): ClusterNode[] => nodes.filter((node) => !gone.has(node))
  const where = async (wanted: (view: NodeView) => boolean): Promise<ClusterNode[]> => {
    const views = await viewOf(living()[0]?.port ?? 0)
    const found = views.filter((view) => view.master && view.slots.length > 0 && wanted(view))
    const ids = new Set(found.map(({ id }) => id))
    return nodes.filter(({ id }) => ids.has(id))
  }
  const masters = () => where(() => true)
  const masterOf = async (slot: number): Promise<ClusterNode> => {
    const [owner] = await where((view) => holds(view, slot))
    if (!owner) throw new Error(`nobody serves slot ${slot}`)
    return owner
  }
  const begin = async (slot: number, to: ClusterNode): Promise<Migration> => {
    const alive = (await masters()).filter((node) => !gone.has(node))
    return beginMigration(slot, await masterOf(slot), to, alive)
  }
  const agree = () =>
    agreed(
      living().map(({ port }) => port),
      living().length,
    )
  return {
    nodes,
    addresses: nodes.map(({ host, port }) => `${host}:${port}`).join(','),
    masters,
    masterOf,
    beginMigration: begin,
    async migrateSlot(slot, to) {
      const migration = await begin(slot, to)
      await migration.finish()
      await settled(`slot ${slot} has moved`, async () => (await masterOf(slot)) === to && agree())
    },
    async failover(master) {
      const [range] = (await viewOf(master.port)).find(({ id }) => id === master.id)?.slots ?? []
      const slot = range?.[0] ?? 0
      await master.kill()
      await settled('a replica has taken over', async () => (await masterOf(slot)) !== master && agree())
      return masterOf(slot)
    },
    stop: () => killAll(nodes),
  }
}
