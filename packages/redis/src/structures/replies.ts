/** A text of a reply of `callBuffer`; undefined for nil. */
export const textOf = (reply: unknown): string | undefined =>
  Buffer.isBuffer(reply) ? reply.toString() : undefined

/** The elements of a reply that is an array; none for nil. */
export const listOf = (reply: unknown): unknown[] => (Array.isArray(reply) ? reply : [])

/** The texts of a reply that is an array of them. */
export const textsOf = (reply: unknown): string[] => listOf(reply).map((text) => textOf(text) ?? '')
