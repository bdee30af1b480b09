/** The value of a cell, or why it has none. */
export type Cell<T> = { value: T; reason?: never } | { reason: string }

/** Text without the white space at its ends; what is inside stays. A blank cell says nothing. */
export function readText(cell: string): string | null {
  const text = cell.trim()
  return text === '' ? null : text
}

/** Names in their order, repeated ones too; joined with `', '` again they are the cell. */
export function readAuthors(cell: string): string[] {
  return cell.trim() === '' ? [] : cell.split(', ')
}

/** A whole number, which a spreadsheet may have written as a float (`2008.0`); negative years are BC. */
export function readInteger(cell: string): Cell<number | null> {
  const text = cell.trim()
  if (text === '') return { value: null }
  return /^-?\d+(\.0*)?$/.test(text)
    ? { value: Math.trunc(Number(text)) + 0 }
    : { reason: 'is not a whole number' }
}

/** A rating with at most two decimals. */
export function readRating(cell: string): Cell<number | null> {
  const text = cell.trim()
  if (text === '') return { value: null }
  return /^\d+(\.\d{0,2}0*)?$/.test(text)
    ? { value: Number(text) }
    : { reason: 'is not a number with at most two decimals' }
}
