/**
 * Collects what is asked in one turn of the event loop and hands it over together, so that it goes out as one command.
 *
 * @param soon calls back at the end of the turn
 * @param handle gets all of it, never nothing
 */
export function batched<Item>(
  soon: (action: () => void) => void,
  handle: (items: Item[]) => void,
): (item: Item) => void {
  let waiting: Item[] = []
  const flush = () => {
    const items = waiting
    waiting = []
    handle(items)
  }
  return (item) => {
    if (waiting.push(item) === 1) soon(flush)
  }
}
