import type { BookFields } from '../books/book.ts'
import { isbn10CheckDigit, toIsbn13 } from '../books/isbn.ts'
import { type Culture, cultures } from './cultures.ts'

/** How many books a fresh catalogue holds. */
export const GENERATED_BOOKS = 2000

/**
 * Registration group 99999, which no ISBN agency has been given, so that a generated ISBN is no real book's; four
 * digits of it number the books.
 */
const ISBN_GROUP = '99999'
const ISBNS = 10_000

/** English books are as many as those of all other languages together. */
const ENGLISH_SHARE = 0.5
const SEVERAL_AUTHORS_SHARE = 0.2
const SERIES_SHARE = 0.15

/**
 * Books that look like a bookshop's: about 300 authors of whom few wrote much, several authors at times, nine
 * languages. Book `n` of the list is meant to have the id `n + 1`.
 *
 * @param count at most 10,000
 * @param random numbers from 0 up to 1; the same ones give the same books
 */
export function generateBooks(count: number, random: () => number): BookFields[] {
  if (count > ISBNS) throw new RangeError(`There are ISBNs for ${ISBNS} generated books, not for ${count}`)
  return Array.from({ length: count }, (_, index) => generateBook(index, random))
}

function generateBook(index: number, random: () => number): BookFields {
  const chance = (share: number): boolean => random() < share
  const [english, ...others] = cultures
  const culture = english && chance(ENGLISH_SHARE) ? english : pick(others, random)
  const authors = [author(culture, random)]
  if (chance(SEVERAL_AUTHORS_SHARE)) authors.push(author(pick(cultures, random), random))
  const title = titleIn(culture, random)
  const isbn10 = isbnOf(index)
  return {
    title: chance(SERIES_SHARE)
      ? `${title} (${pick(culture.beginnings, random).trim()}, #${1 + below(9, random)})`
      : title,
    originalTitle: culture === english ? null : title,
    authors: [...new Set(authors)],
    isbn10,
    isbn13: toIsbn13(isbn10),
    year: yearIn(culture, random),
    language: culture.language,
    rating: (250 + below(121, random) + below(121, random)) / 100,
    ratingsCount: Math.floor(10 ** (1 + 5 * random())),
    imageUrl: null,
  }
}

/** Lower numbers come more often, so that a few authors have many books and most have some. */
const author = ({ first, last }: Culture, random: () => number): string => {
  const number = Math.floor(random() ** 1.5 * first.length * last.length)
  return `${first[number % first.length]} ${last[Math.floor(number / first.length)]}`
}

function titleIn({ language, beginnings, ends }: Culture, random: () => number): string {
  const end = pick(ends, random)
  const space = language === 'jpn' || end.startsWith(',') ? '' : ' '
  return `${pick(beginnings, random)}${space}${end}`
}

/** Mostly of the last decades, some old, some of the Greeks' from antiquity. */
function yearIn({ language }: Culture, random: () => number): number {
  const age = random()
  if (language === 'gre' && age < 0.1) return -800 + below(700, random)
  if (age < 0.15) return 1600 + below(350, random)
  return 1950 + below(75, random)
}

/** Steps of 7 reach all 10,000 numbers once, and neighbours do not look alike. */
function isbnOf(index: number): string {
  const nine = ISBN_GROUP + String((index * 7 + 13) % ISBNS).padStart(4, '0')
  return nine + isbn10CheckDigit(nine)
}

const below = (limit: number, random: () => number): number => Math.floor(random() * limit)

function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[below(items.length, random)]
  if (item === undefined) throw new RangeError('There is nothing to pick from')
  return item
}
