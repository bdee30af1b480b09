import { isIsbn10, isIsbn13, toIsbn13 } from '../../books/isbn.ts'

/** What a cell gave, and what the reader of the report should know about it. */
export interface Reading {
  value: string | null
  notice?: string
}

/** Hyphens and spaces between digits are no part of an ISBN; a minus is, of a number that is none. */
const bare = (cell: string): string =>
  cell
    .trim()
    .toUpperCase()
    .replaceAll(/(?<=\d)[\s-]+(?=[\dX])/g, '')

/**
 * An ISBN-10 from a cell which a spreadsheet may have taken for a number, so that its leading zeros are gone. One with
 * a wrong check digit is kept: books are printed with wrong ISBNs, and are found by them.
 */
export function readIsbn10(cell: string): Reading {
  const text = bare(cell)
  if (text === '') return { value: null }
  if (!/^\d{0,9}[\dX]$/.test(text)) return { value: null, notice: 'is not an ISBN-10: left out' }
  const value = text.padStart(10, '0')
  if (value === '0000000000') return { value: null, notice: 'is all zeros: left out' }
  return isIsbn10(value) ? { value } : { value, notice: `has a wrong check digit: kept as ${value}` }
}

/**
 * An ISBN-13 from a cell, which may be a float that lost its last digits (`9.78043902348e+12`). The digits come back
 * only where they are certain: when one ISBN-13 alone rounds to what is printed, or the row's valid ISBN-10 names one
 * that does. A rounding tie counts both ways, because tools differ.
 */
export function readIsbn13(cell: string, isbn10: string | null): Reading {
  const text = bare(cell)
  if (text === '') return { value: null }
  const twin = isbn10 !== null && isIsbn10(isbn10) ? toIsbn13(isbn10) : undefined
  const plain = /^(\d+)(\.0*)?$/.exec(text)?.[1]
  if (plain !== undefined) return readPlain(plain, twin)
  const float = /^(\d)(?:\.(\d+))?E\+?(\d+)$/.exec(text)
  if (!float) return { value: null, notice: 'is not an ISBN-13: left out' }
  const [, leading = '', decimals = '', exponent = ''] = float
  if (Number(exponent) !== 12 || decimals.length > 12) return readPlain(text, twin)
  if (decimals.length === 12) return readPlain(leading + decimals, twin)
  return readRounded(leading + decimals, twin)
}

function readPlain(digits: string, twin: string | undefined): Reading {
  if (!/^\d{13}$/.test(digits)) return { value: null, notice: 'is not 13 digits long: left out' }
  if (!hasPrefix(digits))
    return { value: null, notice: 'does not begin with 978 or 979, so is no ISBN: left out' }
  if (!isIsbn13(digits)) return { value: digits, notice: 'has a wrong check digit: kept' }
  return agreeing(digits, twin)
}

function readRounded(printed: string, twin: string | undefined): Reading {
  const unit = 10 ** (13 - printed.length)
  const centre = Number(printed) * unit
  if (!hasPrefix(String(centre))) return readPlain(String(centre), twin)
  const twinFits = twin !== undefined && Math.abs(Number(twin) - centre) <= unit / 2
  if (twinFits) return { value: twin }
  if (unit > 10)
    return { value: null, notice: 'has lost too many digits, and isbn does not tell them: left out' }
  const candidates = isbn13sAround(centre)
  const [only, ...others] = candidates
  if (only === undefined)
    return { value: null, notice: 'has lost its last digit, and no ISBN-13 rounds to it: left out' }
  if (others.length === 0) return agreeing(only, twin)
  return { value: null, notice: `has lost its last digit and may be ${candidates.join(' or ')}: left out` }
}

const isbn13sAround = (centre: number): string[] =>
  Array.from({ length: 11 }, (_, index) => String(centre - 5 + index)).filter(
    (digits) => hasPrefix(digits) && isIsbn13(digits),
  )

const hasPrefix = (digits: string): boolean => /^97[89]/.test(digits)

const agreeing = (value: string, twin: string | undefined): Reading =>
  twin === undefined || twin === value
    ? { value }
    : { value, notice: `is another book than isbn, which would be ${twin}: kept as ${value}` }
