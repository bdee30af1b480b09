import type { Redis } from 'ioredis'

/** How many bytes have come in over the present connections of these clients: a large answer shows in it before it is whole. */
export const receivedBy = (clients: readonly Redis[]): number =>
  clients.reduce((sum, client) => sum + (streamOf(client)?.bytesRead ?? 0), 0)

/** There is none before the first connection. */
const streamOf = (client: { readonly stream?: { readonly bytesRead?: number } }) => client.stream
