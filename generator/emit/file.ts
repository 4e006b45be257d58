// One generated file: the header, then statements built in memory and printed once (ts-morph inserts node by node twenty
// times slower), formatted without semicolons.
import { IndentationText, Project, QuoteKind, type StatementStructures, ts, type WriterFunction } from 'ts-morph'
import type { Protocol } from '../model/model.ts'
import { generatedBy } from './header.ts'

export interface EmitOptions {
  /** Specifier of the runtime in the imports of generated code: `../../runtime/codegen/v1.ts`. */
  readonly runtime: string
}

export type Statements = StatementStructures | WriterFunction

export function printFile(
  protocol: Protocol,
  statements: readonly Statements[],
  notes: readonly string[] = [],
): string {
  const project = new Project({
    useInMemoryFileSystem: true,
    skipAddingFilesFromTsConfig: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces, quoteKind: QuoteKind.Single },
  })
  const header = [...generatedBy(protocol), ...notes].map(line => `// ${line}`).join('\n')
  const file = project.createSourceFile('generated.ts', { statements: [`${header}\n`, ...statements] })
  file.formatText({ indentSize: 2, semicolons: ts.SemicolonPreference.Remove, ensureNewLineAtEndOfFile: true })
  return `${spaced(file.getFullText().replace(/;$/gm, '')).trimEnd()}\n`
}

/** A blank line in front of every declaration that has none. */
function spaced(text: string): string {
  const lines = text.split('\n')
  const out: string[] = []
  for (const line of lines) {
    const before = out.at(-1) ?? ''
    const begins = /^(export |\/\*\*|function |class )/.test(line)
    const single = /^export (\*|\{|type \{)/.test(line)
    if (begins && !single && before !== '' && !/^(\/\*\*| \*)/.test(before)) out.push('')
    out.push(line)
  }
  return out.join('\n')
}
