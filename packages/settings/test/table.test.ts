import { test } from 'tap'
import Type from 'typebox'
import { DurationSetting, readSettings, SecretSetting, SettingsError, settingRows } from '../src/index.ts'

const Settings = Type.Object({
  HOST: Type.String({ description: 'Where' }),
  PORT: Type.Integer({ default: 80, minimum: 1, maximum: 65_535 }),
  LEAST: Type.Integer({ default: 1, minimum: 1 }),
  MOST: Type.Number({ default: 1, maximum: 2.5 }),
  ANY: Type.Integer({ default: 0 }),
  LEVEL: Type.Enum(['low', 'high'], { default: 'low' }),
  TLS: Type.Boolean({ default: false }),
  PAUSE: DurationSetting({ default: '5s', description: 'How long' }),
  DELAY: DurationSetting({ default: '0s', description: 'How long', orZero: true }),
  NAME: Type.Optional(Type.String({ pattern: '^[a-z]+$' })),
  PASSWORD: Type.Optional(SecretSetting({ description: 'Password' })),
})

await test('C2 what a schema says of its settings', async (t) => {
  const rows = Object.fromEntries(settingRows(Settings).map((row) => [row.name, row]))
  t.same(Object.keys(rows), Object.keys(Settings.properties))
  t.match(rows['HOST'], {
    required: true,
    default: undefined,
    bounds: 'a text',
    description: 'Where',
    secret: false,
  })
  t.match(rows['PORT'], { required: false, default: '80', bounds: '1 to 65535' })
  t.match(rows['NAME'], { required: false, default: undefined })
  t.match(rows['PASSWORD'], { required: false, secret: true })
  for (const [name, bounds] of [
    ['LEAST', 'a whole number from 1'],
    ['MOST', 'a number up to 2.5'],
    ['ANY', 'a whole number'],
    ['LEVEL', 'low, high'],
    ['TLS', 'true, false'],
    ['PAUSE', 'a duration above 0, up to 24d'],
    ['DELAY', 'a duration from 0, up to 24d'],
    ['NAME', 'a text like ^[a-z]+$'],
  ] as const) {
    t.equal(rows[name]?.bounds, bounds, name)
  }
})

await test('C2 what it says of bounds is what is refused', async (t) => {
  const problem = (env: Record<string, string>) => {
    try {
      readSettings(Settings, { HOST: 'x', ...env })
      return ''
    } catch (error) {
      return error instanceof SettingsError ? error.message : 'another error'
    }
  }
  t.match(problem({ PAUSE: '25d' }), /at most 24d/)
  t.match(problem({ PAUSE: '0s' }), /longer than nothing/)
  t.equal(problem({ DELAY: '0s', PAUSE: '24d' }), '')
})
