// Names of generated things. `noise-frames` is NoiseFrames in class names and noiseFrames in variables.

/** UpperCamel: for classes and types. */
export function className(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(word => word.length > 0)
  return words.map(word => word[0]!.toUpperCase() + word.slice(1)).join('')
}

/** lowerCamel: for constants. */
export function variableName(name: string): string {
  const upper = className(name)
  return upper[0]!.toLowerCase() + upper.slice(1)
}

/** `name` as a property key. */
export function propertyKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name)
}

/** A single-quoted TypeScript string. */
export function quote(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")
  return `'${escaped.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`
}

/** `'a' | 'b'`, or `never`. */
export function unionOf(names: readonly string[]): string {
  return names.length === 0 ? 'never' : names.map(quote).join(' | ')
}
