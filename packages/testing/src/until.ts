/**
 * Waits for something to become true, for as long as `deadline` at most.
 *
 * @param what names it, for the error
 * @param check looked at every few milliseconds; a rejection counts as "not yet"
 * @param deadline milliseconds
 * @returns what `check` returned when it was neither false nor undefined
 */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  deadline = 30_000,
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + deadline
  let last: unknown
  while (performance.now() < end) {
    try {
      const result = await check()
      if (isTrue(result)) return result
      last = result
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`Waited ${deadline} ms in vain until ${what}; last seen: ${String(last)}`)
}

function isTrue<T>(result: T): result is Exclude<T, false | undefined> {
  return result !== false && result !== undefined
}
