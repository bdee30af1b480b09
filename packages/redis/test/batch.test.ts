import { test } from 'tap'
import { batched } from '../src/index.ts'

function recorder(most?: number) {
  const handled: number[][] = []
  const ends: (() => void)[] = []
  const ask = batched<number>(
    (action) => void ends.push(action),
    (items) => void handled.push(items),
    most,
  )
  return { handled, ask, endTurn: () => ends.splice(0).forEach((end) => end()) }
}

await test('what is asked in one turn is handed over together', async (t) => {
  const { handled, ask, endTurn } = recorder()
  for (const item of [1, 2, 3]) ask(item)
  t.same(handled, [])
  endTurn()
  ask(4)
  endTurn()
  t.same(handled, [[1, 2, 3], [4]])
})

await test('in pieces that are not too large, each as soon as it is full', async (t) => {
  const { handled, ask, endTurn } = recorder(2)
  for (const item of [1, 2, 3]) ask(item)
  t.same(handled, [[1, 2]])
  endTurn()
  t.same(handled, [[1, 2], [3]])
  for (const item of [4, 5]) ask(item)
  endTurn()
  t.same(handled, [[1, 2], [3], [4, 5]], 'and never nothing')
})
