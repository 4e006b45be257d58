// Builds the addon where that is possible, and says why where it is not; it never fails an installation.
// `node runtime/native/build.js` is the install script; `--prebuild` puts the result into `prebuilds`, `--strict` fails
// loudly, `--sanitize FOLDER` builds with AddressSanitizer into that folder.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
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

/** Builds in a copy of the sources under `folder`, or in place. Gives the addon, or what the compiler said. */
function build(folder, sanitize) {
  const args = [gyp(), 'rebuild', '-C', folder, `--nodedir=${headers()}`, '--loglevel=error', '--']
  args.push(`-Dsource_hash=${sourceHash()}`, `-Dsanitize=${sanitize ? 1 : 0}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return status === 0 ? { file: join(folder, 'build', 'Release', 'framewright.node') } : { said: `${stdout}${stderr}` }
}

function sanitized(into) {
  const folder = join(into, 'sources')
  for (const name of ['src', 'binding.gyp']) cpSync(join(FOLDER, name), join(folder, name), { recursive: true })
  const built = build(folder, true)
  if (built.file !== undefined) copyFileSync(built.file, join(into, 'framewright.node'))
  return built
}

function prebuild(built) {
  const folder = join(FOLDER, 'prebuilds', `${process.platform}-${process.arch}`)
  mkdirSync(folder, { recursive: true })
  const libc = process.report?.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
  const file = join(folder, `node.napi.${libc}.node`)
  copyFileSync(built, file)
  execFileSync('strip', ['--strip-unneeded', file])
  chmodSync(file, 0o644)
  process.stdout.write(`native: ${file.slice(ROOT.length + 1)}\n`)
}

function main(args) {
  const [wish, into] = args
  const isClone = wish !== undefined || existsSync(join(ROOT, 'tsconfig.json'))
  const why = obstacle(isClone)
  const { file, said = '' } = why !== undefined ? {} : wish === '--sanitize' ? sanitized(into) : build(FOLDER, false)
  if (file === undefined) {
    process.stdout.write(`native: not built, ${why ?? 'the compiler failed'}; everything works without\n`)
    if (wish !== undefined) process.stdout.write(said)
    return wish !== undefined ? 1 : 0
  }
  process.stdout.write('native: built\n')
  if (wish === '--prebuild') prebuild(file)
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2))
