import type { Writable } from 'node:stream'

/** With so many bytes gathered Redis may begin: it carries them out while the rest of the turn is put together. */
const ENOUGH = 2048

/**
 * Lets what is written to a connection in one turn of the event loop leave together, with the turn's end or as soon as it is
 * much: with many callers that is a fraction of the system calls, and a lone one waits for nothing.
 */
export function gatherer(): (stream: Writable) => void {
  let corked: Writable | undefined
  return (stream) => {
    if (corked !== stream) {
      corked = stream
      stream.cork()
      process.nextTick(() => {
        if (corked === stream) corked = undefined
        stream.uncork()
      })
    } else if (stream.writableLength >= ENOUGH) {
      stream.uncork()
      stream.cork()
    }
  }
}
