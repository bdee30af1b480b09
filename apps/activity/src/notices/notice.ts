import Type, { type Static } from 'typebox'

/** A user's id, as keys and channels have it. */
export const USER = '^[A-Za-z0-9_-]{1,64}$'

/** Something that a user is told, in the inbox and on the feed. */
export const Notice = Type.Object({
  id: Type.String({ description: 'Of the event or the notification; the same in the inbox and on the feed' }),
  kind: Type.Enum(['order', 'notification']),
  text: Type.String(),
  at: Type.String({ format: 'date-time' }),
  orderId: Type.Optional(Type.String()),
})

export type Notice = Static<typeof Notice>
