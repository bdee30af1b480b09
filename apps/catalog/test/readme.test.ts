import { codesIn, settingsOf, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import { createApp } from '../src/app.ts'
import { OwnSettings, readConfig } from '../src/config.ts'

const readme = new URL('../README.md', import.meta.url)

await test('the README names every setting with its default, and every error code, and no other', async (t) => {
  const settings = tableInReadme(readme, 'Settings').map(([name, value]) => [name, value])
  t.same(settings, settingsOf(OwnSettings))
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})

await test('the README names every route of books with its answers, and no other', async (t) => {
  const app = createApp(readConfig({ LOG_LEVEL: 'silent', DATABASE_URL: 'postgres://127.0.0.1:1/none' }))
  t.teardown(() => app.close())
  const document: { paths: Record<string, Record<string, { tags: string[]; responses: object }>> } = (
    await app.inject('/docs/json')
  ).json()
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes('books'))
      .map(([method, { responses }]) => {
        const url = path.replaceAll(/\{(\w+)\}/g, ':$1')
        return `${method.toUpperCase()} ${url}: ${Object.keys(responses).join(', ')}`
      }),
  )
  const named = tableInReadme(readme, 'Routes').map(([route, , answers]) => `${route}: ${answers}`)
  t.same(named.toSorted(), routes.toSorted())
})
