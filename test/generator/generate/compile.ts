// Type-checks files in memory with the strictest settings, beside the project's own runtime.

import { dirname, join } from 'node:path'
import ts from 'typescript'
import { ROOT } from './load.ts'

export interface TypeProblem {
  /** Path as given. */
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** What is wrong with `files` (paths below the project's root). Everything they import is read from disk. */
export function compile(files: ReadonlyMap<string, string>): TypeProblem[] {
  const texts = new Map([...files].map(([path, text]) => [join(ROOT, path), text]))
  const host = ts.createCompilerHost(STRICTEST)
  const { readFile, fileExists } = host
  host.readFile = path => texts.get(path) ?? readFile.call(host, path)
  host.fileExists = path => texts.has(path) || fileExists.call(host, path)
  const folders = new Set([...texts.keys()].flatMap(parents))
  const { directoryExists } = host
  host.directoryExists = path => folders.has(path) || directoryExists?.call(host, path) === true
  host.getCurrentDirectory = () => ROOT
  const program = ts.createProgram([...texts.keys()], STRICTEST, host)
  const found = [...texts.keys()].flatMap(path => {
    const source = program.getSourceFile(path)
    const syntax = program.getSyntacticDiagnostics(source)
    return [...syntax, ...program.getSemanticDiagnostics(source), ...program.getDeclarationDiagnostics(source)]
  })
  return found.map(problem => {
    const at = problem.file!.getLineAndCharacterOfPosition(problem.start ?? 0)
    const message = ts.flattenDiagnosticMessageText(problem.messageText, '\n')
    return { file: problem.file!.fileName.slice(ROOT.length + 1), line: at.line + 1, message }
  })
}

function parents(path: string): string[] {
  const up = dirname(path)
  return up === path ? [up] : [up, ...parents(up)]
}

const STRICTEST: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  verbatimModuleSyntax: true,
  isolatedDeclarations: true,
  declaration: true,
  erasableSyntaxOnly: true,
  rewriteRelativeImportExtensions: true,
  skipLibCheck: true,
  types: ['node'],
  noEmit: true,
}
