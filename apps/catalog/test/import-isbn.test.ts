import { test } from 'tap'
import { readIsbn10, readIsbn13 } from '../src/import/mapping/isbn.ts'

await test('lost zeros of an ISBN-10 come back', async (t) => {
  t.same(readIsbn10('439023483'), { value: '0439023483' })
  t.same(readIsbn10('123451x'), { value: '000123451X' })
  t.same(readIsbn10('0-00-123453-6'), { value: '0001234536' }, 'hyphens are no part of it')
  t.same(readIsbn10(''), { value: null })
  t.same(readIsbn10('  '), { value: null })
})

await test('a wrong ISBN-10 is kept and noticed, what is none is left out and noticed', async (t) => {
  t.match(readIsbn10('439023484'), { value: '0439023484', notice: /wrong check digit: kept as 0439023484/ })
  for (const cell of ['12345678901', 'X123', '439023483.0', '4.39e8', 'n/a', '0', '0000000000']) {
    const { value, notice } = readIsbn10(cell)
    t.equal(value, null, cell)
    t.match(notice, /left out/, cell)
  }
})

await test('the lost last digit of an ISBN-13 comes back where it is certain', async (t) => {
  t.same(readIsbn13('9.78000123453e+12', null), { value: '9780001234529' }, 'one candidate')
  t.same(
    readIsbn13('9.78000123454E12', '0001234536'),
    { value: '9780001234536' },
    'the lower of two, as isbn says',
  )
  t.same(
    readIsbn13('9.78000123454e+12', '0001234544'),
    { value: '9780001234543' },
    'the upper of two, as isbn says',
  )
  t.same(
    readIsbn13('9.7800012345e+12', '0001234501'),
    { value: '9780001234505' },
    'eleven digits, as isbn says',
  )
  t.same(
    readIsbn13('9.78000123453e+12', '0001234528'),
    { value: '9780001234529' },
    'one candidate that isbn confirms',
  )
})

await test('an ISBN-13 that is not certain is left out and noticed', async (t) => {
  const leftOut = (cell: string, isbn10: string | null, notice: RegExp) => {
    t.match(readIsbn13(cell, isbn10), { value: null, notice }, cell)
  }
  leftOut('9.78000123454e+12', null, /may be 9780001234536 or 9780001234543/)
  leftOut('9.78000123405e+12', null, /may be 9780001234048 or 9780001234055/)
  leftOut('9.78000123406e+12', null, /may be 9780001234055 or 9780001234062/)
  leftOut('9.78000123454e+12', '0001234545', /may be .* or .*/)
  leftOut('9.78000123454e+12', '0001234587', /may be .* or .*/)
  leftOut('9.78000123452e+12', null, /no ISBN-13 rounds to it/)
  leftOut('9.78000123454e+12', '0000000000', /may be .* or .*/)
  leftOut('9.7800012345e+12', null, /too many digits/)
  leftOut('9.78E+12', null, /too many digits/)
  leftOut('9.78E+12', '9999900011', /too many digits/)
})

await test('what cannot be an ISBN-13 is left out and noticed', async (t) => {
  for (const cell of ['195170342.0', '6.45573003012e+11', '9.78e+200', '97800012345059']) {
    t.match(readIsbn13(cell, null), { value: null, notice: /is not 13 digits long/ }, cell)
  }
  for (const cell of ['2.94001623192e+12', '2940016231928']) {
    t.match(readIsbn13(cell, null), { value: null, notice: /does not begin with 978 or 979/ }, cell)
  }
  for (const cell of ['n/a', '-9780001234505', 'e+12', '9.78000123453e-12']) {
    t.match(readIsbn13(cell, null), { value: null, notice: /left out/ }, cell)
  }
  t.same(readIsbn13(' ', null), { value: null })
})

await test('a whole ISBN-13 is taken as it is', async (t) => {
  t.same(readIsbn13('9780001234505', null), { value: '9780001234505' })
  t.same(readIsbn13('978-0-00-123450-5', '0001234501'), { value: '9780001234505' })
  t.same(readIsbn13('9780001234505.0', null), { value: '9780001234505' })
  t.same(readIsbn13('9.780001234505e+12', null), { value: '9780001234505' })
  t.match(readIsbn13('9780001234506', null), { value: '9780001234506', notice: /wrong check digit: kept/ })
})

await test('an ISBN-13 of another book than the ISBN-10 is kept and noticed', async (t) => {
  for (const cell of ['9780001234550', '9.78000123455e+12']) {
    t.match(readIsbn13(cell, '0001234587'), {
      value: '9780001234550',
      notice: /is another book than isbn, which would be 9780001234581/,
    })
  }
  t.same(
    readIsbn13('9780001234550', '0001234588'),
    { value: '9780001234550' },
    'a wrong ISBN-10 says nothing',
  )
})
