import { type Caller, mayAct, requireCaller } from '@lockstep/fastify'
import type { FastifyRequest } from 'fastify'
import { notYours, usersOnly } from '../problems.ts'

/** @throws {ProblemError} 403 for who is neither the user nor an admin, before anybody looks whether there is one */
export function assertMayAct(caller: Caller, id: number): void {
  if (!mayAct(caller, String(id))) throw notYours()
}

/** A caller's id as accounts are numbered; undefined for services and the operator. */
export const idOf = ({ id }: Caller): number | undefined => (/^[1-9]\d*$/.test(id) ? Number(id) : undefined)

/** The id of the account that a request is of. @throws {ProblemError} 403 for callers without an account */
export function userIdOf(request: FastifyRequest): number {
  const id = idOf(requireCaller(request))
  if (id === undefined) throw usersOnly()
  return id
}
