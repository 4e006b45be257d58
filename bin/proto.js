#!/usr/bin/env node
// Starts the command line: dist/cli is what `npm run build` (part of `npm ci`) makes of cli/.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// Whoever reads our output may stop reading (`proto listen ... | head`): that ends the work and is no error.
process.stdout.on('error', error => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

if (existsSync(fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)))) {
  const { main } = await import('../dist/cli/main.js')
  await main(import.meta.url)
} else {
  process.stderr.write('proto: not built yet. Run `npm run build` first.\n')
  process.exitCode = 1
}
