import { test } from 'tap'
import { readAuthors, readInteger, readRating, readText } from '../src/import/mapping/cells.ts'
import { mapRow } from '../src/import/mapping/map-row.ts'

const plain = {
  book_id: '7',
  isbn: '0001234536',
  isbn13: '',
  authors: 'Ana Ruiz',
  original_publication_year: '2008.0',
  original_title: '',
  title: 'A title',
  language_code: 'eng',
  average_rating: '4.30',
  ratings_count: '12',
  image_url: '',
  shelf: 'A',
}

const map = (changes: Partial<typeof plain>) => {
  const row = { ...plain, ...changes }
  return mapRow(Object.keys(row), { line: 5, cells: Object.values(row) })
}

const fieldsOf = (changes: Partial<typeof plain>) => {
  const mapped = map(changes)
  return mapped.kind === 'book' ? mapped.book.fields : undefined
}

await test('text loses the white space at its ends alone', async (t) => {
  t.equal(readText('  Angels  &  Demons\t'), 'Angels  &  Demons')
  t.equal(readText(' \n '), null)
})

await test('authors keep their order and repetitions, and join to the cell again', async (t) => {
  for (const cell of ['Ana Ruiz, Bo Li, Ana Ruiz', 'A,B', ' A ,  B', 'Smith, Jr., John']) {
    t.equal(readAuthors(cell).join(', '), cell)
  }
  t.same(readAuthors('Ana Ruiz, Bo Li, Ana Ruiz'), ['Ana Ruiz', 'Bo Li', 'Ana Ruiz'])
  t.same(readAuthors(' '), [])
})

await test('numbers', async (t) => {
  t.same(readInteger('2008.0'), { value: 2008 })
  t.same(readInteger(' -750.00 '), { value: -750 })
  t.same(readInteger(''), { value: null })
  t.equal(JSON.stringify(readInteger('-0.0')), '{"value":0}')
  t.ok(Object.is(fieldsOf({ original_publication_year: '-0.0' })?.year, 0), 'no negative zero')
  for (const cell of ['2008.5', '2e3', '0x10', '1,5', '٣', 'NaN', '1 2'])
    t.match(readInteger(cell).reason, /whole number/, cell)
  t.same(readRating('4.3'), { value: 4.3 })
  t.same(readRating('4.300'), { value: 4.3 })
  t.same(readRating(''), { value: null })
  for (const cell of ['4.345', '-1', '4,3', 'good']) t.match(readRating(cell).reason, /two decimals/, cell)
})

await test('a row becomes a book, and every cell of it is kept', async (t) => {
  const mapped = map({ title: '  The   map ', image_url: 'https://covers.example/7.jpg' })
  t.same(mapped, {
    kind: 'book',
    notices: [],
    book: {
      line: 5,
      sourceId: '7',
      fields: {
        title: 'The   map',
        originalTitle: null,
        authors: ['Ana Ruiz'],
        isbn10: '0001234536',
        isbn13: null,
        year: 2008,
        language: 'eng',
        rating: 4.3,
        ratingsCount: 12,
        imageUrl: 'https://covers.example/7.jpg',
      },
      row: { ...plain, title: '  The   map ', image_url: 'https://covers.example/7.jpg' },
    },
  })
  t.equal(fieldsOf({ language_code: ' ' })?.language, null)
  t.equal(fieldsOf({ average_rating: '' })?.rating, null)
})

await test('a column that has an awkward name is kept too', async (t) => {
  const row = { ...plain, '': '0' }
  const mapped = mapRow([...Object.keys(row), '__proto__'], { line: 5, cells: [...Object.values(row), 'x'] })
  const kept = mapped.kind === 'book' ? mapped.book.row : {}
  t.equal(kept[''], '0')
  t.ok(JSON.stringify(kept).includes('"__proto__":"x"'))
})

await test('a row that breaks a rule is rejected, naming its column as the file does', async (t) => {
  const rejects = (changes: Partial<typeof plain>, column: string, reason: RegExp) => {
    const value = Object.values(changes)[0]
    t.match(
      map(changes),
      { kind: 'rejected', finding: { kind: 'rejected', line: 5, column, reason, value } },
      column,
    )
  }
  rejects({ book_id: ' ' }, 'book_id', /is blank/)
  rejects({ book_id: '7'.repeat(201) }, 'book_id', /longer than 200/)
  rejects({ title: ' ' }, 'title', /is blank/)
  rejects({ title: 'x'.repeat(501) }, 'title', /500/)
  rejects({ original_title: 'x'.repeat(501) }, 'original_title', /500/)
  rejects({ authors: '' }, 'authors', /is blank/)
  rejects({ authors: `Ana, ${'x'.repeat(201)}` }, 'authors', /name 2 .*200/)
  rejects({ authors: 'Ana, , Bo' }, 'authors', /name 2/)
  rejects({ original_publication_year: '3001' }, 'original_publication_year', /3000/)
  rejects({ original_publication_year: '-5001.0' }, 'original_publication_year', /-5000/)
  rejects({ original_publication_year: '9'.repeat(400) }, 'original_publication_year', /./)
  rejects({ original_publication_year: 'MCMXC' }, 'original_publication_year', /whole number/)
  rejects({ average_rating: '5.01' }, 'average_rating', /5/)
  rejects({ average_rating: 'good' }, 'average_rating', /two decimals/)
  rejects({ ratings_count: '-1' }, 'ratings_count', /0/)
  rejects({ ratings_count: '2147483648' }, 'ratings_count', /2147483647/)
  rejects({ ratings_count: 'many' }, 'ratings_count', /whole number/)
  rejects({ language_code: 'English' }, 'language_code', /./)
  rejects({ image_url: 'ftp://covers.example/7.jpg' }, 'image_url', /./)
  rejects({ shelf: 'a\0b' }, 'shelf', /NUL/)
  t.match(mapRow(Object.keys(plain), { line: 5, cells: ['7', 'a,b'] }), {
    kind: 'rejected',
    finding: { column: '', reason: /has 2 cells where the header has 12/ },
  })
})

await test('doubts about ISBNs are notices with the cell as it was', async (t) => {
  const mapped = map({ isbn: '1234537', isbn13: '195170342.0' })
  t.match(mapped.kind === 'book' && mapped.notices, [
    { kind: 'notice', line: 5, column: 'isbn', reason: /kept as 0001234537/, value: '1234537' },
    { kind: 'notice', line: 5, column: 'isbn13', reason: /not 13 digits/, value: '195170342.0' },
  ])
})
