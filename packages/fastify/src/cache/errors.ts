/** A route or the plugin was told something about caching that cannot be. */
export class RouteCacheError extends Error {
  readonly code = 'LOCKSTEP_ROUTE_CACHE'

  constructor(route: string, problem: string, options?: ErrorOptions) {
    super(`The cache of ${route}: ${problem}`, options)
    this.name = 'RouteCacheError'
  }
}
