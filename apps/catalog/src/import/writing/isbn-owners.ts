import type { BookFields } from '../../books/book.ts'
import type { Column } from '../reading/header.ts'

type Isbns = Pick<BookFields, 'isbn10' | 'isbn13'>

/** Who holds an ISBN: a book of the database, or a row of this batch that has no id yet. */
type Owner = { id: number } | { line: number }

/**
 * Which book holds which ISBN, as a batch changes it row by row: two books may never share one, and a row that would
 * is left out alone, where the database would refuse its whole batch.
 */
export class IsbnOwners {
  readonly #owners = new Map<string, Owner>()

  /** A book of the database holds these. */
  hold(id: number, isbns: Isbns): void {
    this.#claim(isbns, { id })
  }

  /**
   * Gives a row its ISBNs, in place of those it had; or says which column asks for another book's, and changes nothing.
   *
   * @param existing the row's own book, when it is in the database
   */
  claim(
    line: number,
    wanted: Isbns,
    existing?: { id: number } & Isbns,
  ): { column: Column; reason: string } | undefined {
    for (const key of keysOf(wanted)) {
      const owner = this.#owners.get(key)
      if (!owner || ('id' in owner && owner.id === existing?.id)) continue
      const other = 'id' in owner ? `book ${owner.id}` : `the book of line ${owner.line}`
      return { column: key.startsWith('isbn10') ? 'isbn' : 'isbn13', reason: `belongs to ${other} already` }
    }
    for (const key of existing ? keysOf(existing) : []) this.#owners.delete(key)
    this.#claim(wanted, existing ? { id: existing.id } : { line })
    return undefined
  }

  #claim(isbns: Isbns, owner: Owner): void {
    for (const key of keysOf(isbns)) this.#owners.set(key, owner)
  }
}

const keysOf = ({ isbn10, isbn13 }: Isbns): string[] => [
  ...(isbn10 === null ? [] : [`isbn10 ${isbn10}`]),
  ...(isbn13 === null ? [] : [`isbn13 ${isbn13}`]),
]
