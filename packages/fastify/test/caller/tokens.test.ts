import { SignJWT, UnsecuredJWT } from 'jose'
import { test } from 'tap'
import { tokensOf } from '../../src/index.ts'
import { KEY } from './rig.ts'

const OTHER = 'another-key-also-of-more-than-32-characters'
const secret = (key: string) => new TextEncoder().encode(key)

/** A token that is right in all, but for what the test changes. */
function forged(change: (jwt: SignJWT) => SignJWT = (jwt) => jwt, { key = KEY, alg = 'HS256' } = {}) {
  const jwt = new SignJWT({ roles: ['admin'], gen: '1' })
    .setProtectedHeader({ alg, typ: 'JWT' })
    .setSubject('17')
    .setIssuer('lockstep')
    .setAudience('bookshop')
    .setIssuedAt()
    .setExpirationTime('5m')
  return change(jwt).sign(secret(key))
}

await test('A1 a token says who, with which roles, and of which generation', async (t) => {
  const tokens = tokensOf([KEY], 90_000)
  const { token, expiresIn } = await tokens.issue({ user: '17', roles: ['admin'], generation: 'g' })
  t.equal(expiresIn, 90)
  t.same(await tokens.verify(token), { user: '17', roles: ['admin'], generation: 'g' })
  t.match(await tokens.verify(await forged()), { user: '17' }, 'those of the other tests lack one thing only')
})

await test('A1 a token that is not ours is refused', async (t) => {
  const tokens = tokensOf([KEY], 60_000)
  const unsigned = new UnsecuredJWT({ roles: ['admin'], gen: '1' })
    .setSubject('17')
    .setIssuer('lockstep')
    .setAudience('bookshop')
    .setIssuedAt()
    .setExpirationTime('5m')
    .encode()
  const [head = '', body = ''] = (await forged()).split('.')
  const refused: Record<string, string> = {
    'of another key': await forged(undefined, { key: OTHER }),
    'of another algorithm': await forged(undefined, { alg: 'HS512' }),
    'without a signature': unsigned,
    'with its signature cut off': `${head}.${body}.`,
    'of another issuer': await forged((jwt) => jwt.setIssuer('someone')),
    'for another audience': await forged((jwt) => jwt.setAudience('elsewhere')),
    'without an end': await new SignJWT({ roles: [], gen: '1' })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('17')
      .setIssuer('lockstep')
      .setAudience('bookshop')
      .setIssuedAt()
      .sign(secret(KEY)),
    'of nobody': await forged((jwt) => jwt.setSubject('')),
    'that is no token': 'aaaa.bbbb.cccc',
  }
  for (const [what, token] of Object.entries(refused)) {
    await t.rejects(tokens.verify(token), { status: 401, code: 'TOKEN_INVALID' }, what)
  }
  const past = await forged((jwt) => jwt.setIssuedAt(0).setExpirationTime(60))
  await t.rejects(tokens.verify(past), { status: 401, code: 'TOKEN_EXPIRED' })
})

await test('C2 a key is replaced without logging anybody out', async (t) => {
  const before = await tokensOf([OTHER], 60_000).issue({ user: '17', roles: [], generation: 'g' })
  t.match(await tokensOf([KEY, OTHER], 60_000).verify(before.token), { user: '17' })
  await t.rejects(tokensOf([KEY], 60_000).verify(before.token), { code: 'TOKEN_INVALID' })
})
