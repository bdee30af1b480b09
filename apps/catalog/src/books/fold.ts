/** Text as a search compares it: lower case, without accents, so that `garcia` finds `García`. */
export function fold(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()
}

/** What a search looks at in a book. */
export function searchText(book: {
  title: string
  originalTitle: string | null
  authors: readonly string[]
}): string {
  return fold([book.title, book.originalTitle ?? '', ...book.authors].join('\n'))
}
