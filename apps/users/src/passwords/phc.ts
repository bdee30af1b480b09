/** What a hash costs. */
export interface Cost {
  /** KiB. */
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** A hashed password, with all that is needed to check another against it. */
export interface HashedPassword extends Cost {
  readonly salt: Buffer
  readonly tag: Buffer
}

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

const encode = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')

/**
 * The text in which a hash is stored: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`, as other programs write it, too.
 *
 * @see https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
 */
export const formatPhc = ({ memory, passes, parallelism, salt, tag }: HashedPassword): string =>
  `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${encode(salt)}$${encode(tag)}`

/** Undefined for what is no hash by argon2id, version 19. */
export function parsePhc(text: string): HashedPassword | undefined {
  const [, memory, passes, parallelism, salt = '', tag = ''] = PHC.exec(text) ?? []
  if (memory === undefined) return undefined
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}
