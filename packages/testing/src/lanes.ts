/**
 * Runs a task for each input, so many at a time and in their order. It begins at once.
 *
 * @returns the inputs in their order, each with its result
 */
export function lanes<I, R>(
  count: number,
  inputs: readonly I[],
  task: (input: I) => Promise<R>,
): { input: I; result: Promise<R> }[] {
  const all = inputs.map((input) => ({ input, ...Promise.withResolvers<R>() }))
  const queue = [...all]
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      next.resolve(task(next.input))
      // A failure is told to whoever asks for the result.
      await next.promise.catch(() => {})
    }
  }
  for (let n = 0; n < count; n++) void lane()
  return all.map(({ input, promise }) => ({ input, result: promise }))
}
