import { ProblemError } from '@lockstep/fastify'
import { RedisUnavailableError } from '@lockstep/redis'

/** Seconds: the link asks every 250 ms whether Redis is back. */
const RETRY_AFTER = 1
/** Seconds after which a client of a replica, or of a user, that holds too many feeds may find one free. */
const RETRY_FEED_AFTER = 15

export const notRanked = (bookId: number) =>
  new ProblemError({
    status: 404,
    code: 'BOOK_NOT_RANKED',
    title: 'Not Found',
    detail: `Book ${bookId} is not on the leaderboard`,
  })

export const rangeInvalid = () =>
  new ProblemError({
    status: 400,
    code: 'RANGE_INVALID',
    title: 'Bad Request',
    detail: 'max must not be less than min',
    field: 'query.max',
  })

export const lastEventIdInvalid = () =>
  new ProblemError({
    status: 400,
    code: 'LAST_EVENT_ID_INVALID',
    title: 'Bad Request',
    detail: 'Last-Event-ID must be the id of an event of the feed, such as 1700000000000-0',
    field: 'headers.last-event-id',
  })

export const tooManyFeeds = () =>
  new ProblemError({
    status: 429,
    code: 'TOO_MANY_FEEDS',
    title: 'Too Many Requests',
    detail: 'You have as many feeds open on this replica as may be: close one',
    retryAfter: RETRY_FEED_AFTER,
  })

export const feedsFull = () =>
  new ProblemError({
    status: 503,
    code: 'FEEDS_FULL',
    title: 'Service Unavailable',
    detail: 'This replica holds as many feeds as it can',
    retryAfter: RETRY_FEED_AFTER,
  })

/** What a client is told of a fault in what the service stands on. */
export function translate(error: unknown): ProblemError | undefined {
  if (!(error instanceof RedisUnavailableError)) return undefined
  return new ProblemError({
    status: 503,
    code: 'ACTIVITY_UNAVAILABLE',
    title: 'Service Unavailable',
    detail: 'Redis, which holds this, does not answer now',
    retryAfter: RETRY_AFTER,
    cause: error,
  })
}
