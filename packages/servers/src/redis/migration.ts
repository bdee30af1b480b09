import type { ClusterNode } from './cluster.ts'
import { keysIn } from './cluster-state.ts'
import { ask } from './resp.ts'

/** A slot on its way: until the end, commands get ASK, and TRYAGAIN when they need keys of both sides. */
export interface Migration {
  /** Moves these keys; all that the slot has unless given. */
  moveKeys(keys?: readonly string[]): Promise<void>
  /** Moves what is left and hands the slot over. */
  finish(): Promise<void>
}

/**
 * Begins to migrate a slot as Redis's own tools do: IMPORTING, MIGRATING, MIGRATE, NODE.
 *
 * @param masters all that there are: each is told the new owner
 */
export async function beginMigration(
  slot: number,
  from: ClusterNode,
  to: ClusterNode,
  masters: readonly ClusterNode[],
): Promise<Migration> {
  await ask(to.port, ['CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id])
  await ask(from.port, ['CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id])
  const move = async (keys: readonly string[]): Promise<void> => {
    await ask(from.port, ['MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys])
  }
  const moveAll = async (): Promise<void> => {
    for (let keys = await keysIn(from.port, slot); keys.length > 0; keys = await keysIn(from.port, slot)) {
      await move(keys)
    }
  }
  return {
    moveKeys: (keys) => (keys ? move(keys) : moveAll()),
    async finish() {
      await moveAll()
      for (const { port } of [to, from, ...masters.filter((node) => node !== to && node !== from)]) {
        await ask(port, ['CLUSTER', 'SETSLOT', slot, 'NODE', to.id])
      }
    },
  }
}
