/** Another service of the shop does not answer, or not as agreed. */
export class ShopAwayError extends Error {
  readonly service: 'catalog' | 'activity'

  constructor(service: 'catalog' | 'activity', reason: string, options?: ErrorOptions) {
    super(`The ${service} service ${reason}`, options)
    this.name = 'ShopAwayError'
    this.service = service
  }
}

/** @throws {ShopAwayError} when there is no answer within `timeout` milliseconds */
export async function ask(
  service: ShopAwayError['service'],
  url: URL,
  { timeout, ...init }: RequestInit & { readonly timeout: number },
): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeout) })
    return { status: response.status, body: await response.text() }
  } catch (cause) {
    throw new ShopAwayError(service, 'does not answer', { cause })
  }
}
