import { test } from 'tap'
import Type from 'typebox'
import { DurationSetting, readSettings, SecretSetting, SettingsError, toMilliseconds } from '../src/index.ts'

const schema = Type.Object({
  PORT: Type.Integer({ default: 6379, minimum: 1, maximum: 65_535 }),
  TLS: Type.Boolean({ default: false }),
  NAME: Type.String(),
  PASSWORD: Type.Optional(SecretSetting({ description: 'a secret' })),
  WAIT: DurationSetting({ default: '5s', description: 'how long to wait' }),
})

await test('C2 settings are converted, defaulted and typed', async (t) => {
  t.same(readSettings(schema, { NAME: 'shop', PORT: '7000', TLS: 'true', WAIT: '250ms', OTHER: 'x' }), {
    PORT: 7000,
    TLS: true,
    NAME: 'shop',
    WAIT: 250,
  })
  t.equal(readSettings(schema, { NAME: 'shop', PORT: '' }).PORT, 6379, 'empty counts as absent')
  t.equal(readSettings(schema, { NAME: 'shop' }).WAIT, 5000)
})

await test('C2 every problem is named at once, and a secret is not repeated', async (t) => {
  const withSecretRule = Type.Object({
    ...schema.properties,
    PASSWORD: Type.String({ secret: true, minLength: 100 }),
  })
  try {
    readSettings(withSecretRule, { PORT: '70000', TLS: 'maybe', WAIT: '5', PASSWORD: 'hunter2' })
    t.fail('should throw')
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    t.equal(error.code, 'LOCKSTEP_SETTINGS_INVALID')
    t.match(error.message, /NAME is not set/)
    t.match(error.message, /PORT must be <= 65535 \(got "70000"\)/)
    t.match(error.message, /TLS must be boolean \(got "maybe"\)/)
    t.match(error.message, /WAIT must be a duration/)
    t.match(error.message, /PASSWORD must not have fewer than 100 characters/)
    t.notMatch(error.message, /hunter2/)
  }
})

await test('durations', async (t) => {
  t.equal(toMilliseconds('250ms'), 250)
  t.equal(toMilliseconds('1.5s'), 1500)
  t.equal(toMilliseconds('24h'), 86_400_000)
  t.equal(toMilliseconds(42), 42)
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => toMilliseconds(wrong, 'ttl'), {
      code: 'LOCKSTEP_DURATION_INVALID',
      message: /^ttl must be/,
    })
  }
})

await test('what is nearly right is refused', async (t) => {
  const choices = Type.Object({
    COUNT: Type.Integer({ default: 1 }),
    SHARE: Type.Number({ default: 0.5 }),
    LEVEL: Type.Enum(['info', 'warn'], { default: 'info' }),
    WAIT: DurationSetting({ default: '5s', description: 'a timer' }),
    DELAY: DurationSetting({ default: '0s', description: 'may be nothing', orZero: true }),
  })
  t.same(readSettings(choices, { SHARE: '0.25', DELAY: '0s' }), {
    COUNT: 1,
    SHARE: 0.25,
    LEVEL: 'info',
    WAIT: 5000,
    DELAY: 0,
  })
  const wrong: [string, string, RegExp][] = [
    ['COUNT', '1.5', /must be integer/],
    ['COUNT', '1e3', /must be integer/],
    ['SHARE', 'NaN', /must be number/],
    ['LEVEL', 'loud', /must be one of info, warn \(got "loud"\)/],
    ['WAIT', '0s', /longer than nothing/],
    ['WAIT', '30d', /at most 24d/],
    ['WAIT', '5 minutes', /must be a duration/],
    ['WAIT', '-5s', /must be a duration/],
  ]
  for (const [name, value, message] of wrong)
    t.throws(() => readSettings(choices, { [name]: value }), { message }, name + value)
})
