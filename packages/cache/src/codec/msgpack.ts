import { Packr } from 'msgpackr'
import { guarded } from './codec.ts'

// Records, whose keys are kept apart from the bytes or ahead of them, are off: the bytes are plain MessagePack that any
// library reads. The copies keep a small Buffer in a value from holding all of the reply that it came in.
const packr = new Packr({
  useRecords: false,
  moreTypes: true,
  copyBuffers: true,
  structuredClone: false,
})

/**
 * MessagePack: dates, Buffers, BigInts, Sets, typed arrays and fields that are undefined are kept. A Map comes back as
 * an object and a field that is a function as undefined. Cyclic values, symbols, and a function as the whole value are
 * an `EncodeError`.
 */
export const msgpackCodec = guarded({
  id: 2,
  name: 'msgpack',
  encode(value) {
    if (typeof value === 'function') throw new TypeError('MessagePack has no function')
    return packr.pack(value)
  },
  decode(bytes): unknown {
    return packr.unpack(bytes)
  },
})
