// Generated TypeScript as JavaScript that Node can import: for schemas that were never generated into the project.

import { posix } from 'node:path'

/**
 * JavaScript files for the TypeScript among `files`, by their new paths (`chat/codec.js`); other files are left out.
 * Imports of the runtime become imports of `runtimeUrl`.
 */
export async function transpile(files: ReadonlyMap<string, string>, runtimeUrl: string): Promise<Map<string, string>> {
  const { ts } = await import('ts-morph')
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  }
  const made = new Map<string, string>()
  for (const [path, text] of files) {
    if (!path.endsWith('.ts')) continue
    const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: path })
    made.set(path.replace(/\.ts$/, '.js'), withRuntime(outputText, path, files, runtimeUrl))
  }
  return made
}

/** What is not among the generated files is the runtime. */
function withRuntime(text: string, path: string, files: ReadonlyMap<string, string>, url: string): string {
  const folder = posix.dirname(path)
  return text.replaceAll(
    /^((?:import|export)\b[^'"]*\bfrom )(['"])([^'"]+)\2/gm,
    (whole, head: string, _quote, specifier: string) => {
      const target = posix.join(folder, specifier.replace(/\.js$/, '.ts'))
      return specifier.startsWith('.') && files.has(target) ? whole : `${head}${JSON.stringify(url)}`
    },
  )
}
