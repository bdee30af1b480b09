/** What a command takes besides its keys. */
export type RedisArgument = string | number | Buffer

/** An entry of a stream: its id, and its fields and values in turn. */
export type StreamEntry = [id: string, fields: string[]]

/**
 * The part of a Redis client that Lockstep calls: small, so that another client can take ioredis's place. A test holds
 * it against ioredis's own types, for one Redis and for a Cluster. On a Cluster, what names no key (`ping`, `publish`) goes
 * to any primary, be it one that is away.
 */
export interface RedisCommands {
  ping(): Promise<string>
  exists(...keys: string[]): Promise<number>
  get(key: string): Promise<string | null>
  getBuffer(key: string): Promise<Buffer | null>
  mget(...keys: string[]): Promise<(string | null)[]>
  mgetBuffer(...keys: string[]): Promise<(Buffer | null)[]>
  set(key: string, value: string | Buffer, px: 'PX', milliseconds: number): Promise<'OK'>
  set(key: string, value: string | Buffer, px: 'PX', milliseconds: number, nx: 'NX'): Promise<'OK' | null>
  del(...keys: string[]): Promise<number>
  pexpire(key: string, milliseconds: number): Promise<number>
  pttl(key: string): Promise<number>
  xrange(key: string, start: string, end: string, count: 'COUNT', limit: number): Promise<StreamEntry[]>
  publish(channel: string, message: string | Buffer): Promise<number>
  spublish(channel: string, message: string | Buffer): Promise<unknown>
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: RedisArgument[]): Promise<unknown>
  eval(lua: string, keyCount: number, ...keysAndArgs: RedisArgument[]): Promise<unknown>
  /** Sends commands together, over one connection; on a Cluster, to the node of the keys they name. */
  pipeline(commands: RedisArgument[][]): { exec(): Promise<[error: Error | null, reply: unknown][] | null> }
  /** Any command by its name, with texts of the reply as bytes. */
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>
}

/** The part of a pino logger that this package writes to. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}
