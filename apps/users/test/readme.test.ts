import { codesIn, settingsOf, tableInReadme } from '@lockstep/testing'
import { test } from 'tap'
import { AdminSettings } from '../src/accounts/first-admin.ts'
import { createApp } from '../src/app.ts'
import { AccountSettings, readConfig } from '../src/config.ts'

const readme = new URL('../README.md', import.meta.url)
const TAGS = ['users', 'auth', 'profile', 'sessions']

await test('the README names every setting with its default, and every error code, and no other', async (t) => {
  const settings = tableInReadme(readme, 'Settings').map(([name, value]) => [name, value])
  t.same(settings, [...settingsOf(AccountSettings), ...settingsOf(AdminSettings)])
  const codes = tableInReadme(readme, 'Errors').map(([code = '']) => code)
  t.same(codes.toSorted(), codesIn(new URL('../src/', import.meta.url)))
})

interface Operation {
  readonly tags: string[]
  readonly responses: object
  readonly security?: object[]
}

await test('the README names every route with its answers and who may ask, and no other', async (t) => {
  const app = createApp(readConfig({ LOG_LEVEL: 'silent', DATABASE_URL: 'postgres://127.0.0.1:1/none' }))
  t.teardown(() => app.close())
  const document: { paths: Record<string, Record<string, Operation>> } = (
    await app.inject('/docs/json')
  ).json()
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, ...operation })),
  )
  const own = operations.filter(({ tags }) => TAGS.some((tag) => tags?.includes(tag)))
  const routes = own.map(({ method, path, responses }) => {
    const url = path.replaceAll(/\{(\w+)\}/g, ':$1')
    return `${method.toUpperCase()} ${url}: ${Object.keys(responses).join(', ')}`
  })
  const rows = tableInReadme(readme, 'Routes')
  t.same(rows.map(([route, , , answers]) => `${route}: ${answers}`).toSorted(), routes.toSorted())

  const open = own.filter(({ security }) => security === undefined).map(({ path }) => path)
  t.same(open.toSorted(), ['/auth/login', '/auth/logout', '/auth/token', '/users'], 'the rest needs a caller')
})
