/** Milliseconds on CLOCK_MONOTONIC, which all processes of a machine share: the time of everything that is recorded. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Waits as part of a load, never to synchronise. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
