import Type from 'typebox'
import { DurationSetting, readSettings, SecretSetting, SettingsError } from './src/index.ts'

const MailSettings = Type.Object({
  SMTP_HOST: Type.String(),
  SMTP_PORT: Type.Integer({ default: 587, minimum: 1, maximum: 65_535 }),
  SMTP_PASSWORD: SecretSetting({ description: 'Password' }),
  SMTP_TIMEOUT: DurationSetting({ default: '5s', description: 'The longest one mail may take' }),
})

// A service hands in process.env.
const settings = readSettings(MailSettings, { SMTP_HOST: 'mail.example', SMTP_PASSWORD: 'hunter2' })
process.stdout.write(`${settings.SMTP_HOST}:${settings.SMTP_PORT}, ${settings.SMTP_TIMEOUT} ms\n`)

try {
  readSettings(MailSettings, { SMTP_PORT: '70000', SMTP_PASSWORD: 'hunter2', SMTP_TIMEOUT: '5' })
} catch (error) {
  if (!(error instanceof SettingsError)) throw error
  process.stdout.write(`${error.message}\n`)
}
