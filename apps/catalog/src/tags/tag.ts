import Type, { type Static } from 'typebox'
import { MAX_ID } from '../books/book.ts'

/** The most tags that a book may have. */
export const MAX_TAGS = 50
const MAX_LENGTH = 40

/** What no tag holds: controls, halves of surrogate pairs, line breaks, and what turns the direction of text around. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/**
 * A tag in its one form: NFC, lower case, one space between words and none around; undefined for what is none. It has 1 to
 * 40 characters then.
 */
export function parseTag(text: string): string | undefined {
  if (FORBIDDEN.test(text)) return undefined
  const tag = text.toLowerCase().normalize('NFC').replaceAll(/\s+/g, ' ').trim()
  const { length } = Array.from(tag)
  return length >= 1 && length <= MAX_LENGTH ? tag : undefined
}

/** All tags of a book, in the order of their code units. */
export const BookTags = Type.Object({
  bookId: Type.Integer({ minimum: 1, maximum: MAX_ID }),
  tags: Type.Array(Type.String()),
})
export type BookTags = Static<typeof BookTags>

/**
 * Which tags a book has, without saying what they are: each change gives it another revision, a UUID that is never used
 * again; `null` is that of a book that nobody has tagged. What is said of one revision is true for ever.
 */
export const TagsRevision = Type.Object({
  id: Type.Integer(),
  revision: Type.Union([Type.String(), Type.Null()]),
})
export type TagsRevision = Static<typeof TagsRevision>

/** A revision with its tags. */
export interface TagsOf extends TagsRevision {
  readonly tags: readonly string[]
}
