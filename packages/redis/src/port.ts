/**
 * The part of a Redis client that Lockstep calls: small, so that another client can take ioredis's place. A test holds
 * it against ioredis's own types.
 */
export interface RedisCommands {
  ping(): Promise<string>
  get(key: string): Promise<string | null>
  mget(...keys: string[]): Promise<(string | null)[]>
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>
  eval(lua: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>
}

/** The part of a pino logger that this package writes to. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}
