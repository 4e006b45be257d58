// Builds the addon where that is possible, and says why where it is not; it never fails an installation.
// `node runtime/native/build.js` is the install script; `--prebuild` puts the result into `prebuilds`, `--strict` fails
// loudly, `--sanitize` builds with AddressSanitizer into `build-asan`.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = dirname(fileURLToPath(import.meta.url))
const ROOT = join(FOLDER, '..', '..')

/** SHA-256 over the sources: what an addon says that it was built from. */
export function sourceHash() {
  const hash = createHash('sha256')
  const files = readdirSync(join(FOLDER, 'src')).sort()
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(FOLDER, 'src', file)))
  return hash.digest('hex')
}

/** Where this node keeps its own headers: nothing is downloaded. */
function headers() {
  const near = join(dirname(process.execPath), '..')
  for (const folder of [near, process.env.npm_config_nodedir ?? ''])
    if (folder !== '' && existsSync(join(folder, 'include', 'node', 'node_api.h'))) return folder
  return undefined
}

/** The reason not to build, or undefined. */
function obstacle(isClone) {
  if (process.platform !== 'linux') return `there is no native path on ${process.platform} yet`
  if (!isClone && isPrebuilt()) return 'a build for this platform ships with the package'
  if (headers() === undefined) return 'the headers of this node are not beside it (include/node)'
  if (!existsSync(join(headers(), 'include', 'node', 'openssl', 'evp.h')))
    return "this node's OpenSSL headers are missing"
  if (!runs(process.env.CC ?? 'cc') && !runs('gcc') && !runs('clang')) return 'there is no C compiler'
  if (!runs('make')) return 'there is no make'
  if (gyp() === undefined) return 'node-gyp is not installed'
  return undefined
}

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

function isPrebuilt() {
  try {
    const file = createRequire(import.meta.url)('node-gyp-build').resolve(FOLDER)
    execFileSync(process.execPath, ['-e', 'require(process.argv[1])', file], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function gyp() {
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  } catch {
    return process.env.npm_config_node_gyp
  }
}

function build({ sanitize, isQuiet }) {
  const out = sanitize ? 'build-asan' : 'build'
  const args = [gyp(), 'rebuild', '-C', FOLDER, `--nodedir=${headers()}`, '--loglevel=error', '--']
  args.push(`-Dsource_hash=${sourceHash()}`, `-Dsanitize=${sanitize ? 1 : 0}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) return { ok: false, text: `${stdout}${stderr}` }
  if (sanitize) {
    mkdirSync(join(FOLDER, out), { recursive: true })
    copyFileSync(join(FOLDER, 'build', 'Release', 'framewright.node'), join(FOLDER, out, 'framewright.node'))
  }
  if (!isQuiet) process.stdout.write(`native: built in runtime/native/${out}\n`)
  return { ok: true, text: '' }
}

function prebuild() {
  const folder = join(FOLDER, 'prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(folder, { recursive: true })
  const libc = process.report?.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
  const file = join(folder, `node.napi.${libc}.node`)
  copyFileSync(join(FOLDER, 'build', 'Release', 'framewright.node'), file)
  execFileSync('strip', ['--strip-unneeded', file])
  chmodSync(file, 0o644)
  process.stdout.write(`native: ${file.slice(ROOT.length + 1)}\n`)
}

function main(args) {
  const isStrict = args.includes('--strict') || args.includes('--prebuild') || args.includes('--sanitize')
  const why = obstacle(isStrict || existsSync(join(ROOT, 'tsconfig.json')))
  if (why !== undefined) {
    process.stdout.write(`native: not built, ${why}; everything works without\n`)
    return isStrict ? 1 : 0
  }
  const { ok, text } = build({ sanitize: args.includes('--sanitize'), isQuiet: false })
  if (!ok) {
    process.stdout.write(`native: not built, the compiler failed; everything works without\n${isStrict ? text : ''}`)
    return isStrict ? 1 : 0
  }
  if (args.includes('--prebuild')) prebuild()
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2))
