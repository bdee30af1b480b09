/** Where somebody is in a feed: the id of an entry of a Redis stream, `<milliseconds>-<number>`. */
export const PLACE = String.raw`^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})$`

/** The greatest number that an id may have here; Redis gives none of these. */
const LAST = 2n ** 64n - 2n

/** The greatest id that is less: what follows it begins with the entry itself. */
export function justBefore(place: string): string {
  const [time = '0', number = '0'] = place.split('-')
  if (number !== '0') return `${time}-${BigInt(number) - 1n}`
  return time === '0' ? '0-0' : `${BigInt(time) - 1n}-${LAST}`
}
