export { type OpenService, type OpenServiceOptions, openService } from './open.ts'
export { StandardSettings } from './settings.ts'
