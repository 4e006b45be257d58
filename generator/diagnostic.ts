// How a mistake in a schema is shown to a person: `file:line:column: error[code] message - hint`, the line, a caret.

import type { Diagnostic } from './load/document.ts'

export type { Diagnostic } from './load/document.ts'

/**
 * Prints a diagnostic with the line it is about.
 * @param source text of the file that the diagnostic names; without it only the first line is printed
 */
export function formatDiagnostic(diagnostic: Diagnostic, source?: string): string {
  const { file, line, column, severity, code, message, hint, width } = diagnostic
  const head = `${file}:${line}:${column}: ${severity}[${code}] ${message}${hint === undefined ? '' : ` - ${hint}`}`
  const text = source?.split(/\r?\n/)[line - 1]
  if (text === undefined) return head
  const number = String(line).padStart(4)
  // A tab before the caret is repeated, so that the caret stands under its column in every terminal.
  const indent = text.slice(0, column - 1).replace(/[^\t]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(width, text.length - column + 1)))
  return `${head}\n${number} | ${text}\n${' '.repeat(number.length)} | ${indent}${carets}`
}

/** In the order a person reads: by file as met, then line, then column; equal ones once. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = [...new Set(diagnostics.map(diagnostic => diagnostic.file))]
  const seen = new Set<string>()
  return [...diagnostics]
    .sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column)
    .filter(diagnostic => {
      const key = identity(diagnostic)
      return !seen.has(key) && seen.add(key)
    })
}

/** Equal for two reports of the same mistake. */
export function identity(diagnostic: Diagnostic): string {
  const { file, line, column, code, message } = diagnostic
  return `${file}:${line}:${column}:${code}:${message}`
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(isError)
}

export function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === 'error'
}
