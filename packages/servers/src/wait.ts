/** Calls `check` again every `interval` ms until it holds; false when the deadline of `within` ms passes first. */
export async function waitUntil(
  check: () => Promise<boolean> | boolean,
  { within, interval = 50, signal }: { within: number; interval?: number; signal?: AbortSignal | undefined },
): Promise<boolean> {
  const end = performance.now() + within
  for (;;) {
    if (signal?.aborted) return false
    if (await check()) return true
    if (performance.now() >= end) return false
    await new Promise((resolve) => {
      setTimeout(resolve, interval)
    })
  }
}

/** The last lines of a log, for the message of a failed start. */
export function tailOf(log: string, lines = 15): string {
  return log.trimEnd().split('\n').slice(-lines).join('\n')
}
