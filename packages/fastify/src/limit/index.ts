export type { LimitSubject } from './callers.ts'
export { RouteLimitError } from './errors.ts'
export type {
  LimitBy,
  LimitHook,
  LimitOptions,
  LimitPluginOptions,
  RouteLimit,
  RouteLimitOptions,
} from './options.ts'
export { type Limits, limitPlugin, useLimits } from './plugin.ts'
export { type RateLimitStore, type RateLimitStoreOptions, rateLimitStore } from './store.ts'
