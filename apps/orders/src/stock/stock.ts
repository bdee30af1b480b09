import Type, { type Static } from 'typebox'

/** How many copies of a book can be ordered. */
export const Stock = Type.Object({ bookId: Type.Integer(), available: Type.Integer({ minimum: 0 }) })
export type Stock = Static<typeof Stock>

export const StockChange = Type.Object(
  { available: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }) },
  { additionalProperties: false },
)
