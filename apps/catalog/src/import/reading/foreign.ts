/** How files that people mistake for CSV begin, byte for byte. */
const SIGNATURES: readonly [string, string][] = [
  ['PK\u0003\u0004', 'a zip archive or an Excel workbook (.xlsx)'],
  ['\u00d0\u00cf\u0011\u00e0', 'an old Excel workbook (.xls)'],
  ['\u001f\u008b', 'a gzip archive'],
  ['%PDF', 'a PDF document'],
  ['\u0089PNG', 'a picture'],
  ['\u00ff\u00d8\u00ff', 'a picture'],
  ['GIF8', 'a picture'],
  ['SQLite format 3', 'an SQLite database'],
]

/** How text of another kind begins, after a byte order mark and white space. */
const OPENINGS: readonly [string, string][] = [
  ['<', 'HTML or XML'],
  ['{', 'JSON'],
  ['[', 'JSON'],
]

/**
 * What a file is instead of CSV, from its first bytes; undefined when it may be CSV. A NUL in the first line tells any
 * other binary file; one further down is the fault of its row alone.
 */
export function foreignFormat(head: Buffer): string | undefined {
  if (isUtf16(head)) return undefined
  const bytes = head.toString('latin1')
  const text = head.toString('utf8').trimStart()
  const [, format] =
    SIGNATURES.find(([signature]) => bytes.startsWith(signature)) ??
    OPENINGS.find(([opening]) => text.startsWith(opening)) ??
    []
  const [firstLine = ''] = bytes.split('\n', 1)
  return format ?? (firstLine.includes('\0') ? 'a binary file' : undefined)
}

/** Whether a file begins with the byte order mark of UTF-16, as what Excel calls Unicode text does. */
export function isUtf16(head: Buffer): boolean {
  return (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)
}
