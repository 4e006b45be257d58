// Generates the codecs of bench/schema into the folder named on the command line, as `proto gen` would make them. In a
// process of its own: what is measured later must not share its heap with a compiler.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generate } from '../../generator/generate.ts'
import { transpile } from '../../generator/transpile.ts'

const RUNTIME = new URL('../../runtime/codegen/v1.ts', import.meta.url).href
const root = fileURLToPath(new URL('../..', import.meta.url))
const [folder = ''] = process.argv.slice(2)

for (const name of ['bench-packet', 'bench-record']) {
  const read = (path: string) =>
    existsSync(resolve(root, path)) ? readFileSync(resolve(root, path), 'utf8') : undefined
  const { files, diagnostics } = await generate([`bench/schema/${name}.yaml`], { read, emit: ['ts'], runtime: RUNTIME })
  if (diagnostics.some(d => d.severity === 'error')) throw new Error(JSON.stringify(diagnostics))
  for (const [path, text] of await transpile(files, RUNTIME)) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}
writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
