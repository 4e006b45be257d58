// Datagrams over both paths: what is sent arrives, whatever its size and however the kernel joins it; batches, addresses,
// memory that is kept, errors, the end.
import { spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import {
  bindDatagram,
  type DatagramOptions,
  type DatagramSocket,
  datagramLink,
  datagramPath,
  dialDatagram,
} from '../../runtime/drivers/udp.ts'
import { PATHS, type Path, take } from '../runtime/paths.ts'
import { Recorder, TRANSPORT, until } from './recorder.ts'

/** Each path, and the native one without the kernel's joining. */
const WAYS: readonly { readonly name: string; readonly path: Path; readonly options: DatagramOptions }[] = [
  ...PATHS.map(path => ({ name: path, path, options: {} })),
  ...(PATHS.includes('native')
    ? [{ name: 'native, nothing joined', path: 'native' as const, options: { segments: false } }]
    : []),
]
let way: DatagramOptions = {}

function overUdp(title: string, run: (name: string) => Promise<void>): void {
  for (const { name, path, options } of WAYS)
    test(`${title} (${name})`, async () => {
      take(path)
      way = options
      await run(name)
    })
}

const cleanup: (() => unknown)[] = []
afterEach(async () => {
  way = {}
  for (const end of cleanup.splice(0).reverse()) await end()
})

const SMALL_MTU = fileURLToPath(new URL('./small-mtu.ts', import.meta.url))
const numbered = (i: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(size).fill(i & 0xff)
  if (size >= 4) new DataView(bytes.buffer).setUint32(0, i)
  return bytes
}

overUdp('a long run to one peer arrives whole and in order, in batches on the native path', async path => {
  const { client, server, toServer } = await pair()
  const count = 3000
  for (let i = 0; i < count; i++) client.machine.send(toServer, numbered(i, 120))
  client.link.soon()
  await until(() => server.machine.seen.length === count)
  const wrong = server.machine.seen.filter(({ bytes }, i) => Buffer.compare(bytes, numbered(i, 120)) !== 0)
  expect(wrong).toEqual([])
  expect(new Set(server.machine.seen.map(one => one.peer)).size).toBe(1)
  if (path === 'native') expect(server.machine.batches.length).toBeLessThan(count / 8)
  else if (path === 'node:dgram') expect(server.machine.batches.length).toBe(count)
})

overUdp(
  'datagrams of any size keep their bounds: empty, short behind long, larger than a packet, the largest',
  async () => {
    const { client, server, toServer } = await pair()
    const sizes = [0, 1, 100, 100, 100, 7, 100, 0, 0, 1400, 1400, 1300, 2175, 2176, 2177, 9000, 9000, 65_507, 3, 3, 2]
    for (const [i, size] of sizes.entries()) client.machine.send(toServer, numbered(i, size))
    client.link.soon()
    await until(() => server.machine.seen.length === sizes.length)
    expect(server.machine.seen.map(one => one.bytes.length)).toEqual(sizes)
    for (const [i, { bytes }] of server.machine.seen.entries())
      expect(Buffer.compare(bytes, numbered(i, sizes[i]!))).toBe(0)
  },
)

overUdp('each of many peers is told apart and answered, over IPv4 and IPv6', async () => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = keep(await bind(host))
    server.machine.onBatch = batch => {
      for (let i = 0; i < batch.count; i++) {
        const start = batch.offsets[i] as number
        server.machine.send(batch.peers[i] as string, batch.slab.slice(start, start + (batch.lengths[i] as number)))
      }
    }
    const clients = await Promise.all(
      Array.from({ length: 150 }, async () => {
        const socket = createSocket(host === '::1' ? 'udp6' : 'udp4')
        cleanup.push(() => socket.close())
        await new Promise<void>(resolve => socket.connect(server.socket.port, host, resolve))
        return { socket, answer: once(socket, 'message') as Promise<[Buffer]> }
      }),
    )
    for (const [i, { socket }] of clients.entries()) socket.send(numbered(i, 50))
    for (const [i, { answer }] of clients.entries()) expect(new Uint8Array((await answer)[0])).toEqual(numbered(i, 50))
    const own = host === '::1' ? '[::1]' : host
    expect(new Set(server.machine.seen.map(one => one.peer))).toEqual(
      new Set(clients.map(({ socket }) => `${own}:${socket.address().port}`)),
    )
  }
})

overUdp('an IPv4 peer of an IPv6 socket keeps the form that the socket sends to', async () => {
  const server = keep(await bind('::'))
  server.machine.onBatch = batch => server.machine.send(batch.peers[0] as string, numbered(7, 9))
  const socket = createSocket('udp4')
  cleanup.push(() => socket.close())
  const answer = once(socket, 'message') as Promise<[Buffer]>
  socket.send(numbered(1, 5), server.socket.port, '127.0.0.1')
  expect(new Uint8Array((await answer)[0])).toEqual(numbered(7, 9))
  expect(server.machine.seen.map(one => one.peer)).toEqual([`[::ffff:127.0.0.1]:${socket.address().port}`])
})

overUdp('a batch for many peers goes to each of them, runs among single datagrams', async () => {
  const server = keep(await bind('127.0.0.1'))
  const receivers = await Promise.all(Array.from({ length: 20 }, () => bind('127.0.0.1')))
  receivers.map(keep)
  const wanted = receivers.map(() => [] as number[])
  for (let i = 0; i < 2000; i++) {
    const to = i % 7 < 4 ? Math.floor(i / 7) % 20 : (i * 13) % 20
    wanted[to]!.push(i)
    server.machine.send(`127.0.0.1:${receivers[to]!.socket.port}`, numbered(i, 64 + (i % 3 === 0 ? 8 : 0)))
  }
  server.link.soon()
  await until(() => receivers.every((one, i) => one.machine.seen.length === wanted[i]!.length))
  for (const [i, { machine }] of receivers.entries())
    expect(machine.seen.map(({ bytes }) => new DataView(bytes.buffer).getUint32(0))).toEqual(wanted[i])
})

overUdp('what a machine keeps stays as it is, and later batches do not touch it', async () => {
  const { client, server, toServer } = await pair()
  server.machine.keeps = true
  let sent = 0
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 40; i++) client.machine.send(toServer, numbered(sent++, 100 + (sent % 50)))
    client.link.soon()
    await until(() => server.machine.seen.length === sent)
  }
  let size = 0
  for (const [i, { bytes }] of server.machine.seen.entries()) {
    size += bytes.length
    expect(bytes).toEqual(numbered(i, 100 + ((i + 1) % 50)))
  }
  // Not the large slab over and over: memory of about the size of what was kept.
  const memory = new Set(server.machine.seen.map(one => one.bytes.buffer))
  const held = [...memory].reduce((sum, buffer) => sum + buffer.byteLength, 0)
  expect(held).toBeLessThan(6e6 + 8 * size)
})

overUdp('nobody listens: told about that peer, and the socket works on', async () => {
  const gone = createSocket('udp4')
  await new Promise<void>(resolve => gone.bind(0, '127.0.0.1', resolve))
  const { port } = gone.address()
  await new Promise<void>(resolve => gone.close(() => resolve()))
  const machine = new Recorder()
  const socket = await dialDatagram({ host: '127.0.0.1', port }, TRANSPORT, undefined, way)
  const client = keep({ machine, socket, link: datagramLink(socket, machine) })
  machine.send(`127.0.0.1:${port}`, numbered(1, 10))
  client.link.soon()
  await until(() => machine.refused.length > 0)
  expect(machine.refused[0]).toContain('refused')
  const back = createSocket('udp4')
  cleanup.push(() => back.close())
  const arrived = once(back, 'message') as Promise<[Buffer]>
  await new Promise<void>(resolve => back.bind(port, '127.0.0.1', resolve))
  machine.send(`127.0.0.1:${port}`, numbered(2, 10))
  client.link.soon()
  expect(new Uint8Array((await arrived)[0])).toEqual(numbered(2, 10))
  expect(machine.lastWords).toBeUndefined()
})

overUdp('a peer that is no address is refused alone; the rest of the batch leaves', async () => {
  const { client, server } = await pair()
  const to = `127.0.0.1:${server.socket.port}`
  const machine = new Recorder()
  const sender = keep(await bind('127.0.0.1', machine))
  for (const peer of [to, 'nonsense:1', to, '127.0.0.1:0', to]) machine.send(peer, numbered(1, 20))
  sender.link.soon()
  await until(() => server.machine.seen.length === 3 && machine.refused.length > 0)
  expect(machine.refused.some(text => text.startsWith('nonsense:1 ') || text.startsWith('127.0.0.1:0 '))).toBe(true)
  expect(client.machine.lastWords).toBeUndefined()
})

overUdp('an address in use and one that is not ours are told when binding', async () => {
  const first = keep(await bind('127.0.0.1'))
  const { port } = first.socket
  await expect(bindDatagram({ host: '127.0.0.1', port }, TRANSPORT)).rejects.toThrow(
    `cannot listen on udp://127.0.0.1:${port}: the address is in use`,
  )
  await expect(bindDatagram({ host: '192.0.2.1', port: 0 }, TRANSPORT)).rejects.toThrow('does not have that address')
})

overUdp('a machine at its end closes the socket, after its last words have left', async () => {
  const { client, server, toServer } = await pair()
  client.machine.send(toServer, numbered(1, 10))
  client.machine.closed = true
  client.link.soon()
  await client.link.closed
  await until(() => server.machine.seen.length === 1)
  expect(client.machine.lastWords).toBe('closed')
  // The port is free again.
  keep(await bind('127.0.0.1', new Recorder(), {}, client.socket.port))
})

test.skipIf(PATHS.length < 2)('two sockets share a port and its datagrams where the schema says so', async () => {
  const shared = { ...TRANSPORT, reusePort: true }
  const machines = [new Recorder(), new Recorder()]
  const first = await bindDatagram({ host: '127.0.0.1', port: 0 }, shared)
  const second = await bindDatagram({ host: '127.0.0.1', port: first.port }, shared)
  for (const [i, socket] of [first, second].entries())
    keep({ machine: machines[i]!, socket, link: datagramLink(socket, machines[i]!) })
  const senders: Socket[] = []
  for (let i = 0; i < 40; i++) senders.push(createSocket('udp4'))
  cleanup.push(() => senders.forEach(one => one.close()))
  for (const sender of senders) sender.send(numbered(1, 10), first.port, '127.0.0.1')
  await until(() => machines[0]!.seen.length + machines[1]!.seen.length === 40)
  expect(machines.every(one => one.seen.length > 0)).toBe(true)
})

test.skipIf(PATHS.length < 2)(
  'a link that polls the processor gets its answers, and lets others have their turn',
  async () => {
    const options = { busyPoll: 200 }
    const server = keep(await bind('127.0.0.1', new Recorder(), options))
    server.machine.onBatch = batch => server.machine.send(batch.peers[0] as string, numbered(batch.count, 8))
    const machine = new Recorder()
    const socket = await dialDatagram({ host: '127.0.0.1', port: server.socket.port }, TRANSPORT, undefined, options)
    const client = keep({ machine, socket, link: datagramLink(socket, machine) })
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    for (let i = 0; i < 50; i++) {
      machine.send(socket.peer as string, numbered(i, 8))
      client.link.soon()
      await until(() => machine.seen.length === i + 1)
    }
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(10)
  },
)

test.skipIf(PATHS.length < 2)('segments that the network cannot carry are refused once, then sent whole', async () => {
  const inside = `ip link set lo mtu 1300 up && exec "$0" --import tsx ${JSON.stringify(SMALL_MTU)}`
  const { status, stdout, stderr } = spawnSync('unshare', ['-rn', 'sh', '-c', inside, process.execPath], {
    encoding: 'utf8',
    timeout: 15_000,
  })
  if (/Operation not permitted|not found/.test(stderr) || status === null) {
    process.stdout.write(`skipped: a network with a small MTU: ${stderr.trim() || 'no unshare'}\n`)
    return
  }
  expect({ stderr, ...JSON.parse(stdout) }).toEqual({ stderr: '', received: 160, wrong: 0, gsoBelow: 1400, hasGso: 1 })
})

test('which path is taken is told, with the reason', () => {
  const { path, reason } = datagramPath()
  expect(path).toBe(PATHS[0])
  expect(reason.length).toBeGreaterThan(5)
})

interface Side {
  readonly machine: Recorder
  readonly socket: DatagramSocket
  readonly link: ReturnType<typeof datagramLink>
}

async function bind(host: string, machine = new Recorder(), options: DatagramOptions = {}, port = 0): Promise<Side> {
  const socket = await bindDatagram({ host, port }, TRANSPORT, { ...way, ...options })
  return { machine, socket, link: datagramLink(socket, machine) }
}

async function pair(): Promise<{ client: Side; server: Side; toServer: string }> {
  const server = keep(await bind('127.0.0.1'))
  const socket = await dialDatagram({ host: '127.0.0.1', port: server.socket.port }, TRANSPORT, undefined, way)
  const machine = new Recorder()
  const client = keep({ machine, socket, link: datagramLink(socket, machine) })
  return { client, server, toServer: socket.peer as string }
}

function keep(side: Side): Side {
  cleanup.push(() => side.link.destroy())
  return side
}
