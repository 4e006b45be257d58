// Entry of the command line: runs oclif and makes sure that whatever escapes it is still one line and an exit code.

import { execute } from '@oclif/core'
import { asFailure, EXIT } from './failure.ts'

/** @param from `import.meta.url` of the launcher */
export async function main(from: string): Promise<void> {
  process.on('uncaughtException', escaped)
  process.on('unhandledRejection', escaped)
  await execute({ dir: from })
}

function escaped(error: unknown): void {
  if (process.env.DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  const failure = asFailure(error)
  const message = failure?.message ?? `${error} (a bug in proto; DEBUG=1 shows where)`
  process.stderr.write(`proto: ${message.split('\n')[0]}\n`)
  process.exit(failure?.exitCode ?? EXIT.bug)
}
