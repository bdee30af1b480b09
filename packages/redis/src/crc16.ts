/** CRC-16/XMODEM by byte, as Redis Cluster computes it. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** CRC16 of a text's UTF-8 bytes. */
export function crc16(text: string): number {
  let crc = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 127) return crcOfBytes(Buffer.from(text))
    crc = next(crc, code)
  }
  return crc
}

function crcOfBytes(bytes: Buffer): number {
  let crc = 0
  for (const byte of bytes) crc = next(crc, byte)
  return crc
}

const next = (crc: number, byte: number): number =>
  ((crc << 8) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] ?? 0)) & 0xffff

/** How many slots a Redis Cluster has. */
export const SLOTS = 16_384

/** The slot of a key or of a sharded channel: that of its hash tag, where it has one. */
export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  return crc16(close > open + 1 ? key.slice(open + 1, close) : key) % SLOTS
}
