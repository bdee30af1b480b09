import type { BookFields } from '../books/book.ts'
import { searchText } from '../books/fold.ts'

/** The columns that hold what a book says; the others say where it is from and what became of it. */
export const bookColumns = (book: BookFields) => ({
  title: book.title,
  original_title: book.originalTitle,
  authors: book.authors,
  isbn10: book.isbn10,
  isbn13: book.isbn13,
  year: book.year,
  language: book.language,
  rating: book.rating,
  ratings_count: book.ratingsCount,
  image_url: book.imageUrl,
  search_text: searchText(book),
})
