// docs/security.md says where each attack is tested: every number is there, and every test that it names exists.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const text = readFileSync('docs/security.md', 'utf8')
const rows = text
  .split('\n')
  .filter(line => /^\| [0-9]/.test(line))
  .map(line => line.split(' | ').map(cell => cell.replace(/^\| | \|$/g, '').trim()))

test('all sixty attacks and all ten bars are there, in order', () => {
  expect(rows.slice(0, 60).map(([number]) => number)).toEqual(Array.from({ length: 60 }, (_, i) => `${i + 1}`))
  expect(rows.slice(60).map(([number]) => number)).toEqual(Array.from({ length: 10 }, (_, i) => `7.${i + 1}`))
})

test('each names a test that exists, by the beginning of its title', () => {
  for (const [number = '', , tests = ''] of rows) {
    const named = [...tests.matchAll(/`([^`]+)`: (.+?)(?=<br>|$)/g)]
    expect([number, named.length > 0]).toEqual([number, true])
    for (const [, file = '', title = ''] of named) {
      const titles = [...readFileSync(file, 'utf8').matchAll(/test\(\s*(['"`])(.*?)\1,/gs)].map(one => one[2] ?? '')
      const fits = titles.some(one => (title.startsWith('(') ? one.includes(title) : one.startsWith(title)))
      expect([number, file, title, fits]).toEqual([number, file, title, true])
    }
  }
})
