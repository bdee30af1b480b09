import { codeOf } from '../errors.ts'
import type { Run } from '../run.ts'

/** Something that can start a redis-server: a program here, or an image in a container engine. */
export interface RedisServer {
  /** For people: `redis-server 7.0.15 (/usr/bin/redis-server)`. */
  readonly description: string
  /** The program, where it is one on this machine. Sentinel and Cluster need that. */
  readonly path?: string
  /** The command which serves on this port of loopback with these settings. */
  launch(port: number, settings: readonly string[]): { command: string; args: readonly string[] }
}

/** What a strategy may use; handed in so that tests can stand for any platform. */
export interface Surroundings {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
  readonly uid: number | undefined
  readonly run: Run
  readonly fileExists: (path: string) => boolean
  /** A folder for what was built, so that it is built once. */
  readonly keep: string
  readonly signal?: AbortSignal | undefined
  /** One line of progress for the person who waits. */
  readonly report: (line: string) => void
}

/** One way to come by a redis-server. */
export interface Strategy {
  readonly name: string
  /** Whether this way is open here; changes nothing. */
  available(here: Surroundings): Promise<boolean>
  /** The server, or in one line why this way failed after all. */
  obtain(here: Surroundings): Promise<RedisServer | { readonly failed: string }>
}

/** The last line a failed command said, for a one-line reason. */
export function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.trim() ?? ''
}

/** Whether a command can be run and ends well. */
export async function succeeds(here: Surroundings, command: string, ...args: string[]): Promise<boolean> {
  try {
    const { code } = await here.run(command, args, { signal: here.signal, deadline: 10_000 })
    return code === 0
  } catch (error) {
    if (codeOf(error) === 'SPAWN_FAILED') return false
    throw error
  }
}
