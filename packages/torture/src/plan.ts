import Type, { type Static } from 'typebox'

/** What a worker is to do: its one argument, as JSON. */
export const Plan = Type.Object({
  replica: Type.Integer(),
  /** What is tortured: our cache, or the control. */
  subject: Type.Union([Type.Literal('lockstep'), Type.Literal('textbook')]),
  /** The port of the controller, which is also the database. */
  control: Type.Integer(),
  /** The port of its own proxy to Redis. */
  redis: Type.Integer(),
  seed: Type.Integer(),
  /** The file for its records. */
  records: Type.String(),
  /** How long a command to Redis may take, in milliseconds. */
  commandTimeout: Type.Integer(),
  load: Type.Object({
    /** Keys 0 up to this are read and written. */
    keys: Type.Integer(),
    /** Keys from this one on are only read. */
    written: Type.Integer(),
    /** How many reads begin each millisecond. */
    readsEach: Type.Integer(),
    /** How many write at a time. */
    writers: Type.Integer(),
    /** The mean time between two writes of one writer, in milliseconds. */
    writePause: Type.Number(),
    /** How it writes: either way by turns, or by `mutate` alone. */
    writes: Type.Union([Type.Literal('both'), Type.Literal('mutate'), Type.Literal('mutate-for-fleet')]),
    /** Whether propagation is measured, on a key of its own after the others. */
    probe: Type.Boolean(),
  }),
})

export type Plan = Static<typeof Plan>
export type Load = Plan['load']
export type SubjectName = Plan['subject']
