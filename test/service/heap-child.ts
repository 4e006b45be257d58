// A relay process that writes out its heap when asked. Run as a child it serves; imported it starts one.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { writeHeapSnapshot } from 'node:v8'

export interface HeapChild {
  readonly url: string
  readonly relayKey: Uint8Array
  readonly staticKey: Uint8Array
  readonly pid: number
  readonly snapshot: (file: string) => Promise<void>
  readonly stop: () => void
}

export async function heapChild(): Promise<HeapChild> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: ['--import', 'tsx'] })
  const next = <T>() =>
    new Promise<T>((got, failed) => {
      child.once('message', message => got(message as T))
      child.once('exit', code => failed(new Error(`the relay ended with ${code}`)))
    })
  const { port, publicKey, staticKey } = await next<{ port: number; publicKey: string; staticKey: string }>()
  return {
    url: `tcp://127.0.0.1:${port}`,
    relayKey: new Uint8Array(Buffer.from(publicKey, 'hex')),
    staticKey: new Uint8Array(Buffer.from(staticKey, 'hex')),
    pid: child.pid!,
    snapshot: async file => {
      child.send(file)
      await next()
    },
    stop: () => void child.kill(),
  }
}

if (process.argv[2] === 'serve' && process.send !== undefined) {
  const [{ protocol }, { serve }] = await Promise.all([
    import('../../generated/hydra-sync/index.ts'),
    import('../../runtime/index.ts'),
  ])
  const static_key = Uint8Array.from({ length: 32 }, (_, i) => (i * 31 + 7) & 0xff)
  const server = await serve(protocol, { listen: 'tcp://127.0.0.1:0', params: { static_key, packet_len: 64n } })
  process.on('message', file => process.send!({ written: writeHeapSnapshot(String(file)) }))
  process.on('disconnect', () => process.exit(0))
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  process.send({ port: server.port, publicKey: hex(server.publicKey!), staticKey: hex(static_key) })
}
