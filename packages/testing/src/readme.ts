import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Whether a README shows the code of an example as it is, but for the package's own import.
 *
 * @param name what the README imports where the example has `./src/index.ts`, such as `@lockstep/cache`
 */
export function exampleInReadme(readme: URL, example: URL, name: string): boolean {
  const code = readFileSync(example, 'utf8').replace('./src/index.ts', name)
  return readFileSync(readme, 'utf8').includes(`\`\`\`ts\n${code}\`\`\`\n`)
}

/**
 * The rows of the first table below a heading, without its head; code marks are taken off.
 *
 * @throws when there is no such heading, or no table below it
 */
export function tableInReadme(readme: URL, heading: string): string[][] {
  const [, section] = readFileSync(readme, 'utf8').split(new RegExp(`^#+ ${heading}$`, 'm'))
  const [below = ''] = (section ?? '').split(/^#+ /m)
  const [, , ...rows] = /(?:^\|.*\n)+/m.exec(below)?.[0].trimEnd().split('\n') ?? []
  if (rows.length === 0) throw new Error(`${readme.pathname} has no table below "${heading}"`)
  return rows.map(cellsOf)
}

const cellsOf = (row: string): string[] =>
  row
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim().replaceAll('`', ''))

/** The settings of a schema with their defaults, as a README's table has them; an empty text where there is none. */
export function settingsOf(schema: { properties: Record<string, object> }): string[][] {
  return Object.entries(schema.properties).map(([name, property]) => [
    name,
    'default' in property ? String(property.default) : '',
  ])
}

/** Every error code that the sources in a folder give to an error of theirs, in the order of the alphabet. */
export function codesIn(folder: URL): string[] {
  const files = globSync('**/*.ts', { cwd: fileURLToPath(folder) })
  const texts = files.map((file) => readFileSync(new URL(file, folder), 'utf8'))
  const found = texts.flatMap((text) => [...text.matchAll(/\bcode(?: =|:) '([A-Z_]+)'/g)])
  return [...new Set(found.flatMap(([, code]) => code ?? []))].toSorted()
}
