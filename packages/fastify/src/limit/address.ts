import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** An address that says one thing in one way: without a zone, and IPv4 that is written as IPv6 is IPv4. */
export interface Address {
  readonly family: 'ipv4' | 'ipv6'
  readonly text: string
  /** Of IPv6: its eight numbers. */
  readonly groups: readonly number[]
}

/** @returns undefined for what is none, such as the peer of a Unix socket */
export function addressOf(text: string | undefined): Address | undefined {
  const [bare = ''] = (text ?? '').split('%')
  if (isIPv4(bare)) return { family: 'ipv4', text: bare, groups: [] }
  if (!isIPv6(bare)) return undefined
  const groups = groupsOf(bare)
  const [high = 0, low = 0] = groups.slice(6)
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return { family: 'ipv4', text: [high >> 8, high & 255, low >> 8, low & 255].join('.'), groups: [] }
  }
  return { family: 'ipv6', text: bare, groups }
}

/** A URL writes IPv6 in hexadecimal alone, with one `::` at most. */
function groupsOf(ipv6: string): number[] {
  const [front = [], back = []] = new URL(`http://[${ipv6}]/`).hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').flatMap((group) => (group === '' ? [] : Number.parseInt(group, 16))))
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back]
}

/** Who has one address of IPv6 has all that begin with the same bits: `2001:db8:0:1/64`. IPv4 stays as it is. */
export function networkOf({ family, text, groups }: Address, ipv6Prefix: number): string {
  if (family === 'ipv4') return text
  const kept = groups.slice(0, Math.ceil(ipv6Prefix / 16)).map((group, place) => {
    const cut = Math.max(0, (place + 1) * 16 - ipv6Prefix)
    return ((group >> cut) << cut).toString(16)
  })
  return `${kept.join(':')}/${ipv6Prefix}`
}

/**
 * Tells whether an address is in a list of addresses and CIDR blocks.
 *
 * @param fail is told what is wrong, and throws
 */
export function addressList(
  entries: readonly string[],
  fail: (problem: string) => never,
): (address: Address) => boolean {
  const list = new BlockList()
  for (const entry of entries) {
    const [, text, bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const address = addressOf(text)
    const most = address?.family === 'ipv4' ? 32 : 128
    if (address === undefined || Number(bits ?? 0) > most) {
      return fail(
        `allows ${JSON.stringify(entry)}, which is neither an address nor a block such as 10.0.0.0/8`,
      )
    }
    if (bits === undefined) list.addAddress(address.text, address.family)
    else list.addSubnet(address.text, Number(bits), address.family)
  }
  return ({ text, family }) => list.check(text, family)
}
