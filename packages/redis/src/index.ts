export { RedisAddressError, RedisSettingsError } from './address.ts'
export { batched, endOfTurn } from './batch.ts'
export { type After, after, RedisUnavailableError } from './breaker.ts'
export type { Channels, Listener, PatternListener } from './channels.ts'
export { type Clock, systemClock } from './clock.ts'
export type { ConnectionCounts } from './events.ts'
export { cacheName, entryName, type KeySpace, keySpace } from './keys.ts'
export { type CommandLink, type LinkCounts, openRedis, type RedisLink } from './link.ts'
export {
  type Handler,
  type Messages,
  MessagesClosedError,
  openMessages,
  type Presence,
} from './messages/messages.ts'
export type { Metric } from './metric.ts'
export type { Logger, RedisArgument, RedisCommands, StreamEntry } from './port.ts'
export { realTime } from './real-time.ts'
export { composeScript, loadScript, runScript, runScriptBuffer, type Script } from './script.ts'
export { RedisSettings } from './settings.ts'
export { RedisArgumentError, RedisValueError } from './structures/errors.ts'
export { type Feed, type FeedEntry, isEntryId, openFeed } from './structures/feed.ts'
export { type FieldKind, type Hash, type HashFields, type HashOf, openHash } from './structures/hash.ts'
export type { Decode } from './structures/json.ts'
export { type Keys, openKeys } from './structures/keys.ts'
export { type List, openList } from './structures/list.ts'
export { openSet, type TextSet } from './structures/set.ts'
export { openSortedSet, type Scored, type SortedSet } from './structures/sorted-set.ts'
export type { Once } from './structures/structure.ts'
export { openValues, type Value, type Values } from './values.ts'
