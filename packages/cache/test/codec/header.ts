import type { Codec, EntryHeader } from '../../src/codec/index.ts'

/** A header of a value, as this codec would be written with. */
export function headerOf({ id }: Pick<Codec, 'id'>): EntryHeader {
  return {
    codec: id,
    negative: false,
    identity: 'q3Zk-0aB_9xYwVut',
    incarnation: 2 ** 52 - 1,
    seq: 1000,
    created: 1_767_225_600_000,
    loadMs: 12.5,
    freshUntil: 1_767_225_660_000,
    staleUntil: 1_767_225_690_000,
    errorUntil: 1_767_229_260_000,
    sliding: 300_000,
    version: 7,
    tags: ['author:7', 'ñ'],
  }
}
