import { Configurations } from './configurations.ts'
import { type Call, EventList } from './events.ts'

/** A read or a write of one register, from its call to its return. */
export interface Operation {
  readonly kind: 'read' | 'write'
  readonly value: number
  readonly began: number
  /** Infinity when nobody knows: it may take effect at any time after it began. */
  readonly ended: number
}

export type Finding =
  | { readonly linearizable: true }
  /** `stuck` had to take effect before it returned and could not, in the order of operations that came furthest. */
  | { readonly linearizable: false; readonly stuck: Operation }

interface Step {
  readonly call: Call
  readonly before: number
}

/**
 * Whether a register's history is linearizable: whether each operation can be given one moment between its call and its
 * return such that every read gives what the last write before it wrote. Operations that only touch in time are concurrent.
 *
 * The search is Wing and Gong's, with Lowe's memory of configurations (which operations have taken effect, and the value
 * they left), so that none is entered twice. It walks along the events up to the first return: whatever is called before it
 * may take effect next. A return that is reached before its operation took effect is a dead end. A read of the present value
 * is taken at once and for good: it changes nothing, so whatever works with it later works with it now.
 */
export function checkRegister(operations: readonly Operation[], initial: number): Finding {
  const events = new EventList(operations)
  const configurations = new Configurations(operations.length)
  const path: Step[] = []
  let value = initial
  let furthest = -1
  let stuck: Operation | undefined
  let event = events.first

  while (event) {
    if (event.kind === 'call') {
      const { operation, index } = event
      const possible = operation.kind === 'write' || operation.value === value
      if (possible && configurations.enter(index, operation.value)) {
        path.push({ call: event, before: value })
        value = operation.value
        events.take(event)
        event = events.first
      } else {
        event = event.next
      }
      continue
    }
    if (path.length > furthest) {
      furthest = path.length
      stuck = event.operation
    }
    const step = backtrack()
    if (!step) return { linearizable: false, stuck: stuck ?? event.operation }
    event = step.call.next
  }
  return { linearizable: true }

  /** Undoes all up to the last choice: the last write that took effect. Undefined when there was none. */
  function backtrack(): Step | undefined {
    for (let step = path.pop(); step; step = path.pop()) {
      events.putBack(step.call)
      configurations.leave(step.call.index)
      value = step.before
      if (step.call.operation.kind === 'write') return step
    }
    return undefined
  }
}
