import { createHash } from 'node:crypto'
import type { Wanted } from './order.ts'

/** Tells one body from another, whatever the order of its items. */
export function fingerprintOf(wanted: readonly Wanted[]): string {
  const sorted = byBook(wanted).map(({ bookId, quantity }) => [bookId, quantity])
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url')
}

/** In the order in which everybody locks the stock of books, so that no two wait for each other. */
export const byBook = <T extends { readonly bookId: number }>(items: readonly T[]): T[] =>
  items.toSorted((a, b) => a.bookId - b.bookId)
