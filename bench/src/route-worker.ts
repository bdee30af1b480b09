import { Agent, get } from 'node:http'
import { median } from './compare.ts'
import { numberIn, report } from './worker.ts'

const CALLERS = 32
const REQUESTS = 3000
const ROUNDS = 9

/** The clients of a service: measures the processor time that the service takes for a request, by turns to two addresses. */
const [floor = '', ours = ''] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: CALLERS })
const floors: number[] = []
const ratios: number[] = []
// The first round only warms up.
for (let round = 0; round <= ROUNDS; round++) {
  const base = await cost(floor)
  const own = await cost(ours)
  if (round === 0) continue
  floors.push(base)
  ratios.push(base / own)
}
report({ micros: median(floors), ratio: median(ratios) })
agent.destroy()

/** Microseconds of the service's processor a request. */
async function cost(address: string): Promise<number> {
  const before = await used()
  let left = REQUESTS
  const caller = async () => {
    while (left-- > 0) await body(address)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return ((await used()) - before) / REQUESTS
}

async function used(): Promise<number> {
  const usage: unknown = JSON.parse(await body(new URL('/cpu', floor).href))
  return numberIn(usage, 'user') + numberIn(usage, 'system')
}

function body(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(address, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${address}: ${response.statusCode}`)),
      )
    }).on('error', reject)
  })
}
