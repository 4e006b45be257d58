// Test 28 of the security review (docs/security.md): what a server says before it knows where its client is must be no
// longer than what it answers, and a schema in which it is longer is refused.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { loadProtocol } from '../../../generator/index.ts'
import { reading } from '../files.ts'

/** The diagnostics of a schema in which a text was replaced, which has to be there. */
function diagnosed(file: string, from: string, to: string): string[] {
  const text = readFileSync(file, 'utf8')
  expect(text).toContain(from)
  const changed = text.replace(from, to)
  // What is shipped is imported by its whole path.
  const read = reading({ [file]: changed, [resolve(file)]: changed })
  const main = file === 'schema/std/packet.yaml' ? 'schema/examples/chat.yaml' : file
  return loadProtocol(main, { read })
    .diagnostics.filter(one => one.severity === 'error')
    .map(one => one.code)
}

test('28: a schema whose payload 2 makes HsReply longer than HsInit is refused', () => {
  const place = 'doc: Where the server wants to receive }'
  for (const file of ['schema/intentra.yaml', 'schema/std/packet.yaml']) {
    expect(diagnosed(file, place, `${place}, greeting: bytes(8)`)).toEqual([])
    expect(diagnosed(file, place, `${place}, greeting: bytes(200)`)).toContain('amplification')
  }
})

test('28: a first message that is padded less than its answer is long is refused', () => {
  expect(diagnosed('schema/intentra.yaml', 'max(0, 158 - size(noise))', 'max(0, 40 - size(noise))')).toContain(
    'amplification',
  )
})
