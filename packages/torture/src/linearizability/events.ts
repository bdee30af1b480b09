import type { Operation } from './check.ts'

/** The call of an operation, with its return. */
export interface Call {
  readonly kind: 'call'
  readonly operation: Operation
  readonly index: number
  readonly returns: Return
  previous: Event | undefined
  next: Event | undefined
}

interface Return {
  readonly kind: 'return'
  readonly operation: Operation
  previous: Event | undefined
  next: Event | undefined
}

type Event = Call | Return

/** The calls and returns that are left, in the order of time, calls first: a list that gives operations up and takes them back. */
export class EventList {
  first: Event | undefined

  constructor(operations: readonly Operation[]) {
    const events = operations.flatMap((operation, index): Event[] => {
      const returns: Return = { kind: 'return', operation, previous: undefined, next: undefined }
      return [{ kind: 'call', operation, index, returns, previous: undefined, next: undefined }, returns]
    })
    let last: Event | undefined
    for (const event of events.toSorted(byTime)) {
      event.previous = last
      if (last) last.next = event
      else this.first = event
      last = event
    }
  }

  take(call: Call): void {
    this.#unlink(call)
    this.#unlink(call.returns)
  }

  /** Only what was taken last can be put back. */
  putBack(call: Call): void {
    this.#link(call.returns)
    this.#link(call)
  }

  #unlink({ previous, next }: Event): void {
    if (previous) previous.next = next
    else this.first = next
    if (next) next.previous = previous
  }

  #link(event: Event): void {
    if (event.previous) event.previous.next = event
    else this.first = event
    if (event.next) event.next.previous = event
  }
}

const timeOf = ({ kind, operation }: Event) => (kind === 'call' ? operation.began : operation.ended)

function byTime(a: Event, b: Event): number {
  const [first, second] = [timeOf(a), timeOf(b)]
  if (first !== second) return first < second ? -1 : 1
  return (a.kind === 'call' ? 0 : 1) - (b.kind === 'call' ? 0 : 1)
}
