import Type from 'typebox'
import { Notice, USER } from '../notices/notice.ts'

/** Scores are exact up to here. */
const MOST = Number.MAX_SAFE_INTEGER

export const BookParams = Type.Object({ bookId: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }) })
export const Score = Type.Integer({ minimum: 0, maximum: MOST })

const limit = Type.Integer({ minimum: 1, maximum: 100, default: 10 })
const skip = Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 })

export const TopQuery = Type.Object({ skip, limit })
export const RangeQuery = Type.Object({
  min: Type.Integer({ minimum: 0, maximum: MOST, default: 0 }),
  max: Type.Integer({ minimum: 0, maximum: MOST, default: MOST }),
  skip,
  limit,
})

export const Standing = Type.Object({ bookId: Type.Integer(), score: Type.Integer() })
export const Ranked = Type.Object({
  rank: Type.Integer({ description: '1 for the best' }),
  ...Standing.properties,
})
export const Count = Type.Object({ count: Type.Integer() })

export const RecentQuery = Type.Object({ limit })
export const TrimQuery = Type.Object({
  keep: Type.Integer({ minimum: 0, maximum: 10_000, description: 'How many of the latest stay' }),
})
export const Notices = Type.Object({ items: Type.Array(Notice) })

export const NewNotification = Type.Object(
  {
    id: Type.Optional(
      Type.String({ pattern: '^[!-~]{1,200}$', description: 'Sent again with the same, it is given once' }),
    ),
    user: Type.String({ pattern: USER }),
    text: Type.String({ minLength: 1, maxLength: 1000, pattern: String.raw`^[^\u0000\p{Cs}]*$` }),
  },
  { additionalProperties: false },
)

/** How callers show who they are. */
export const secured = [{ bearer: [] }, { session: [] }]
