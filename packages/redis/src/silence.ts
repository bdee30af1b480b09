import type { Redis } from 'ioredis'

/** How often a beat a connection is looked at, and in how many beats something must come in. */
const LOOKS = 2
const BEATS = 2

/**
 * Ends each connection of a client on which nothing comes in for two beats, though from the first half beat on it is asked by
 * PING: its other end is gone without a word. The client then makes another. ioredis's `socketTimeout` would set and clear a
 * timer for every command that is sent alone, which costs more than all else that we do about it; this is one timer a
 * connection.
 *
 * @param heartbeat milliseconds; silence is noticed half a beat after two of them at the latest
 */
export function endWhenSilent(client: Redis, heartbeat: number): void {
  client.on('connect', () => {
    const { stream } = client
    let received = stream.bytesRead
    let silent = 0
    // A process that was held up looks once, however long that was, and before it looks again it reads what has arrived.
    const looking = setInterval(() => {
      silent = stream.bytesRead === received ? silent + 1 : 0
      received = stream.bytesRead
      if (silent >= BEATS * LOOKS) stream.destroy(new Error(`silent for ${BEATS * heartbeat} ms`))
      else if (silent > 0 && client.status === 'ready') client.ping().catch(() => {})
    }, heartbeat / LOOKS)
    looking.unref()
    stream.once('close', () => clearInterval(looking))
  })
}
