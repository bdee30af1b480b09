export { type Caller, callerOf, isAdmin, mayAct, requireCaller } from './caller.ts'
export { type CallerPluginOptions, callerPlugin } from './plugin.ts'
export { CallerSettings } from './settings.ts'
export { type TokenClaims, type Tokens, tokensOf } from './tokens.ts'
