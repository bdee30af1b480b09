import type { Item } from './feed.ts'

/*
 * The text/event-stream format of the HTML standard (9.2.6). An id without data moves a client's Last-Event-ID and is no
 * event; a line that begins with a colon is a comment.
 */

/** The first record: how soon to come back, in ms, when the connection is lost. */
export const opening = (retry: number): string => `retry: ${Math.ceil(retry)}\n: the feed is open\n\n`

export const heartbeat = ': still here\n\n'

/** Says that notices after a place may be lost, and that what follows is all that is kept. */
export const reset = (after: string): string => `event: reset\ndata: ${JSON.stringify({ after })}\n\n`

/** JSON has no line breaks of its own, so that the data is one line. */
export const record = ({ place, notice }: Item): string =>
  notice === undefined
    ? `id: ${place}\n\n`
    : `id: ${place}\nevent: ${notice.kind}\ndata: ${JSON.stringify(notice)}\n\n`
