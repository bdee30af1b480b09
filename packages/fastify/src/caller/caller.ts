import type { FastifyRequest } from 'fastify'
import { callerRequired } from './errors.ts'

/** Who makes a request, once that is known for sure. */
export interface Caller {
  /** The user's id; the name of a service; or `operator`, who has the ADMIN_TOKEN. */
  readonly id: string
  readonly roles: readonly string[]
  /** What showed it. */
  readonly via: 'token' | 'session' | 'operator'
}

const ofRequests = new WeakMap<FastifyRequest, Caller>()

/** For the plugin alone. */
export const setCaller = (request: FastifyRequest, caller: Caller): void =>
  void ofRequests.set(request, caller)

/** Who calls, on any route; undefined where nobody is known, as on routes without `config.caller`. */
export const callerOf = (request: FastifyRequest): Caller | undefined => ofRequests.get(request)

/** Who calls a route that has a `config.caller`. @throws {ProblemError} 401 where nobody is known */
export function requireCaller(request: FastifyRequest): Caller {
  const caller = callerOf(request)
  if (caller === undefined) throw callerRequired()
  return caller
}

export const isAdmin = ({ roles }: Caller): boolean => roles.includes('admin')

/** Whether a caller may see and change what belongs to a user: the user may, and an admin. */
export const mayAct = (caller: Caller, user: string): boolean => caller.id === user || isAdmin(caller)
