import type { Writable } from 'node:stream'

/**
 * Lets all that is written to a connection in this turn of the event loop leave at once, with the turn's end: with many
 * callers that is half the system calls, and a lone one waits for nothing.
 */
export function gatherer(): (stream: Writable) => void {
  let corked: Writable | undefined
  return (stream) => {
    if (corked === stream) return
    corked = stream
    stream.cork()
    process.nextTick(() => {
      if (corked === stream) corked = undefined
      stream.uncork()
    })
  }
}
