// `proto genn`: says what was probably meant and exits as for any wrong command line.

import type { Hook } from '@oclif/core'
import { EXIT, Failure } from '../failure.ts'
import { suggestion } from '../input/suggest.ts'
import { jsonLine } from '../output/json.ts'

const hook: Hook.CommandNotFound = async options => {
  const typed = options.id.replaceAll(':', ' ')
  const known = options.config.commands
    .filter(command => !command.hidden)
    .map(command => command.id.replaceAll(':', ' '))
  const [first = typed] = typed.split(' ')
  const failure = new Failure('usage', 'Usage', `there is no command "${first}"${suggestion(first, known)}`)
  if (options.argv?.includes('--json')) process.stdout.write(`${jsonLine(failure)}\n`)
  else process.stderr.write(`proto: ${failure.message}\nsee proto --help\n`)
  process.exit(EXIT.usage)
}

export default hook
