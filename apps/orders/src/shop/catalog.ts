import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { ask, ShopAwayError } from './away.ts'

/** What an order has to know of a book. */
export const ShopBook = Type.Object({
  id: Type.Integer(),
  title: Type.String(),
  authors: Type.Array(Type.String()),
})
export type ShopBook = Static<typeof ShopBook>

const shopBook = Compile(ShopBook)

/** Whether something is a book, as far as orders go. */
export const isShopBook = (given: unknown): given is ShopBook => shopBook.Check(given)

/** The catalogue, over HTTP. */
export interface Catalog {
  /** @returns undefined when there is no such book. @throws {ShopAwayError} */
  book(id: number): Promise<ShopBook | undefined>
}

export const catalogAt = (shop: string, timeout: number): Catalog => ({
  async book(id) {
    const { status, body } = await ask('catalog', new URL(`/books/${id}`, shop), { timeout })
    if (status === 404 && codeOf(body) === 'BOOK_NOT_FOUND') return undefined
    if (status !== 200) throw new ShopAwayError('catalog', `answers ${status}`)
    const found = parsed(body)
    if (!isShopBook(found)) throw new ShopAwayError('catalog', 'answers with something that is no book')
    return { id: found.id, title: found.title, authors: found.authors }
  },
})

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** A gateway that finds no catalogue may say 404 as well: only the catalogue's own word counts. */
function codeOf(body: string): unknown {
  const problem = parsed(body)
  return typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : undefined
}
