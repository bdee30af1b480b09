import { ask, askText } from './resp.ts'

/** A node as another one sees it: a line of CLUSTER NODES. */
export interface NodeView {
  readonly id: string
  readonly port: number
  readonly master: boolean
  /** The master that a replica follows. */
  readonly follows: string | undefined
  /** Whether the one who looks holds it for alive. */
  readonly alive: boolean
  readonly slots: readonly (readonly [first: number, last: number])[]
}

/** How many slots a Redis Cluster has. */
const SLOTS = 16_384

/** All nodes, as the one on this port sees them. */
export async function viewOf(port: number): Promise<NodeView[]> {
  const text = await askText(port, 'CLUSTER', 'NODES')
  return text.trimEnd().split('\n').map(nodeOf)
}

function nodeOf(line: string): NodeView {
  const [id = '', address = '', flags = '', follows = '-', , , , , ...slots] = line.split(' ')
  const ranges = slots.filter((slot) => !slot.startsWith('['))
  return {
    id,
    port: Number(/:(\d+)@/.exec(address)?.[1]),
    master: flags.split(',').includes('master'),
    follows: follows === '-' ? undefined : follows,
    alive: !/fail|handshake|noaddr/.test(flags),
    slots: ranges.map((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return [first, last] as const
    }),
  }
}

export const holds = ({ slots }: NodeView, slot: number): boolean =>
  slots.some(([first, last]) => first <= slot && slot <= last)

/** Whether each of these nodes sees as many living nodes, all slots served, and the same owners as the others. */
export async function agreed(ports: readonly number[], nodes: number): Promise<boolean> {
  const views = await Promise.all(ports.map(viewOf))
  const owners = views.map(ownersIn)
  const states = await Promise.all(ports.map((port) => askText(port, 'CLUSTER', 'INFO')))
  return (
    views.every((view) => view.filter(({ alive }) => alive).length === nodes) &&
    new Set(owners).size === 1 &&
    states.every((state) => state.includes('cluster_state:ok') && state.includes(`cluster_slots_ok:${SLOTS}`))
  )
}

const ownersIn = (view: readonly NodeView[]): string =>
  view
    .filter(({ slots }) => slots.length > 0)
    .map(({ id, slots }) => `${id} ${slots.join(' ')}`)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join('; ')

/** The slots that master `index` of `count` begins with. */
export const shareOf = (index: number, count: number): [first: number, last: number] => [
  Math.floor((index * SLOTS) / count),
  Math.floor(((index + 1) * SLOTS) / count) - 1,
]

/** The keys of a slot that are on this node; a hundred at most. */
export async function keysIn(port: number, slot: number): Promise<string[]> {
  const reply = await ask(port, ['CLUSTER', 'GETKEYSINSLOT', slot, 100])
  return Array.isArray(reply) ? reply.map(String) : []
}
