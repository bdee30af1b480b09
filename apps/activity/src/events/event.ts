import Type, { type Static } from 'typebox'
import type { Notice } from '../notices/notice.ts'
import { USER } from '../notices/notice.ts'

/** Visible characters without spaces. */
const NAME = String.raw`^[!-~]{1,200}$`

/** An order that is through, as the orders service tells of it. */
export const OrderCompleted = Type.Object(
  {
    id: Type.String({ pattern: NAME, description: 'Names the event: sent again, it counts once' }),
    type: Type.Literal('order.completed'),
    user: Type.String({ pattern: USER }),
    orderId: Type.String({ pattern: NAME }),
    items: Type.Array(
      Type.Object({
        bookId: Type.Integer({ minimum: 1 }),
        title: Type.String({ minLength: 1, maxLength: 500 }),
        quantity: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
      }),
      { minItems: 1, maxItems: 50 },
    ),
  },
  { additionalProperties: false },
)

export type OrderCompleted = Static<typeof OrderCompleted>

/** How many of each book, where a book may be in several items. */
export function quantities({ items }: OrderCompleted): Map<number, number> {
  const sums = new Map<number, number>()
  for (const { bookId, quantity } of items) sums.set(bookId, (sums.get(bookId) ?? 0) + quantity)
  return sums
}

/** What the buyer is told. */
export function noticeOf(event: OrderCompleted, at: Date): Notice {
  const { id, orderId, items } = event
  const [first] = items
  const others = quantities(event).size - 1
  const more = others === 0 ? '' : ` and ${others} more`
  return {
    id,
    kind: 'order',
    text: `Order ${orderId} is complete: ${first?.title}${more}`,
    at: at.toISOString(),
    orderId,
  }
}
