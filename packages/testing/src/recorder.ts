/** What a logger was told. */
export interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly details: object
  readonly message: string
}

/** A logger that remembers. */
export function recordingLogger() {
  const lines: Line[] = []
  const at = (level: Line['level']) => (details: object, message: string) =>
    void lines.push({ level, details, message })
  return {
    lines,
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    /** The messages, in order. */
    messages: () => lines.map(({ message }) => message),
  }
}
