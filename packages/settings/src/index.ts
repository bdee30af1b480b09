export { type Duration, DurationError, toMilliseconds } from './duration.ts'
export {
  DurationSetting,
  type Environment,
  readSettings,
  SecretSetting,
  SettingsError,
} from './settings.ts'
export { type SettingRow, settingRows } from './table.ts'
