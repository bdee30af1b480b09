/** Calls back when this turn's code has run, and before anything else: a lone caller waits for nothing. */
export const endOfTurn = (action: () => void): void => process.nextTick(action)

/**
 * Collects what is asked in one turn of the event loop and hands it over together, so that it goes out as one command.
 *
 * @param soon calls back at the end of the turn
 * @param handle gets all of it, never nothing
 * @param most how much it gets at once; more comes in pieces
 */
export function batched<Item>(
  soon: (action: () => void) => void,
  handle: (items: Item[]) => void,
  most = Number.POSITIVE_INFINITY,
): (item: Item) => void {
  let waiting: Item[] = []
  const flush = () => {
    const items = waiting
    waiting = []
    if (items.length <= most) return handle(items)
    for (let from = 0; from < items.length; from += most) handle(items.slice(from, from + most))
  }
  return (item) => {
    if (waiting.push(item) === 1) soon(flush)
  }
}
