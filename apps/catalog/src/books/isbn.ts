/** An ISBN in one canonical form: digits only, ten (the last may be `X`) or thirteen of them. */
export type Isbn = { kind: 'isbn10' | 'isbn13'; digits: string }

/**
 * The ISBN in what a person typed, hyphens and spaces allowed; undefined when it has another length. The check digit is
 * not looked at: some books are printed with a wrong one, and are found by it.
 */
export function parseIsbn(text: string): Isbn | undefined {
  const digits = text.replaceAll(/[\s-]/g, '').toUpperCase()
  if (/^\d{9}[\dX]$/.test(digits)) return { kind: 'isbn10', digits }
  if (/^\d{13}$/.test(digits)) return { kind: 'isbn13', digits }
  return undefined
}

export function isIsbn10(digits: string): boolean {
  return /^\d{9}[\dX]$/.test(digits) && isbn10CheckDigit(digits.slice(0, 9)) === digits[9]
}

export function isIsbn13(digits: string): boolean {
  return /^\d{13}$/.test(digits) && isbn13CheckDigit(digits.slice(0, 12)) === digits[12]
}

/** The tenth character of an ISBN-10, from its first nine digits (ISO 2108, weights 10 to 2, modulo 11). */
export function isbn10CheckDigit(nine: string): string {
  const sum = Array.from(nine).reduce((total, digit, index) => total + Number(digit) * (10 - index), 0)
  const check = (11 - (sum % 11)) % 11
  return check === 10 ? 'X' : String(check)
}

/** The thirteenth digit of an EAN-13, and so of an ISBN-13, from its first twelve (weights 1 and 3, modulo 10). */
function isbn13CheckDigit(twelve: string): string {
  const sum = Array.from(twelve).reduce(
    (total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3),
    0,
  )
  return String((10 - (sum % 10)) % 10)
}

/** The ISBN-13 of the book that an ISBN-10 names. */
export function toIsbn13(isbn10: string): string {
  const twelve = `978${isbn10.slice(0, 9)}`
  return twelve + isbn13CheckDigit(twelve)
}

/** The ISBN-10 of the book that an ISBN-13 names; undefined for those that begin with 979, which have none. */
export function toIsbn10(isbn13: string): string | undefined {
  if (!isbn13.startsWith('978')) return undefined
  const nine = isbn13.slice(3, 12)
  return nine + isbn10CheckDigit(nine)
}
