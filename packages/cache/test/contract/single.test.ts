import { testRedis } from '@lockstep/testing'
import { test } from 'tap'
import { storeContract } from './contract.ts'
import { openLink } from './links.ts'
import { subjectsOn } from './redis.ts'

await test('M3 one Redis', async (t) => {
  const { url } = await testRedis(t)
  const links = [await openLink(t, { REDIS_URL: url }), await openLink(t, { REDIS_URL: url })]
  await storeContract(t, subjectsOn(links))
})
