import { writeFileSync } from 'node:fs'
import { settingsDocument } from './settings.ts'

/** `npm run docs:settings` */
writeFileSync(new URL('../../../docs/settings.md', import.meta.url), settingsDocument())
