/** Calls back when this turn's code has run, and before anything else: a lone caller waits for nothing. */
export const endOfTurn = (action: () => void): void => process.nextTick(action)

/**
 * Collects what is asked in one turn of the event loop and hands it over together, so that it goes out as one command.
 *
 * @param soon calls back at the end of the turn
 * @param handle gets all of it, never nothing
 * @param most how much it gets at once: with so much asked it goes out without waiting for the turn to end
 */
export function batched<Item>(
  soon: (action: () => void) => void,
  handle: (items: Item[]) => void,
  most = Number.POSITIVE_INFINITY,
): (item: Item) => void {
  let waiting: Item[] = []
  const flush = () => {
    if (waiting.length === 0) return
    const items = waiting
    waiting = []
    handle(items)
  }
  return (item) => {
    const asked = waiting.push(item)
    if (asked >= most) flush()
    else if (asked === 1) soon(flush)
  }
}
