import { parseArgs } from 'node:util'
import { ImportFault, messageOf } from '../fault.ts'
import { REQUIRED_COLUMNS } from '../reading/header.ts'

export const HELP = `Imports a CSV file of books into the catalogue.

  npm run import -- FILE.csv [options]

  --source NAME   where the books come from (default: goodreads). A row is the
                  book with the same source and book_id
  --report PATH   where rejected rows and notices are written
                  (default: .lockstep/import-report.csv)
  --help          this text

Columns: ${REQUIRED_COLUMNS.slice(0, 5).join(', ')},
${REQUIRED_COLUMNS.slice(5).join(', ')}; image_url if there is one.
Every other column is kept. The file is checked as a whole before the first row is
written. Running it twice changes nothing. Ctrl-C ends it after the batch at hand.

The database is the running fleet's, or the one that DATABASE_URL names.
`

export type Command =
  | { kind: 'help' }
  | { kind: 'import'; file: string; source: string; report: string | undefined }

/** Reads the command line. @throws {ImportFault} saying what is not understood */
export function readArguments(args: readonly string[]): Command {
  const { values, positionals } = parse(args)
  if (values.help) return { kind: 'help' }
  const [file, ...others] = positionals
  if (!file) throw notUnderstood('No file is named')
  if (others.length > 0) throw notUnderstood(`One file at a time, not ${positionals.length}`)
  const source = values.source ?? 'goodreads'
  if (!/^[\w.-]{1,100}$/.test(source)) {
    throw notUnderstood('--source takes 1 to 100 letters, digits, dots, dashes and underscores')
  }
  return { kind: 'import', file, source, report: values.report }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        source: { type: 'string' },
        report: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    // The rest of what Node says is about quoting, which npm's `--` makes misleading.
    const [problem = ''] = messageOf(error).split(/\.\s/, 1)
    throw notUnderstood(problem)
  }
}

const notUnderstood = (what: string): ImportFault =>
  new ImportFault('LOCKSTEP_IMPORT_ARGUMENTS', `${what}. Try: npm run import -- --help`)
