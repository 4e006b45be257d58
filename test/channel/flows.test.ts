// Congestion control as others see it. The long runs are in long.ts.
import { expect, test } from 'vitest'
import { bulk, shared } from './flows.ts'

test('two of our flows and a CUBIC TCP-like one fill a 10 Mb/s, 50 ms bottleneck and share it', () => {
  const result = shared('cubic', 31_250, 1, 10, 40)
  process.stdout.write(`figure: shared bottleneck ${JSON.stringify(result)}\n`)
  expect(result.failure).toBeUndefined()
  expect(result.utilisation).toBeGreaterThan(0.9)
  expect(result.jain).toBeGreaterThan(0.9)
})

test('10 MB over 100 Mb/s, 20 ms, 1 % loss take at most 1.5 times what the link needs', () => {
  const result = bulk('cubic', 0.01, 1)
  process.stdout.write(`figure: 10 MB over 100 Mb/s, 20 ms, 1 % loss ${JSON.stringify(result)}\n`)
  expect(result.failure).toBeUndefined()
  expect(result.ratio).toBeLessThan(1.5)
})
