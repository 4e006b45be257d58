// Datagrams between two processes on the loopback: our native path, node:dgram, and a C program (peer.c, compiled here) that
// makes the same system calls. Turns alternate; medians and ratios are printed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { native } from '../../runtime/native/load.ts'
import { table } from '../results.ts'
import { type Command, compile, measureTrip, start } from './processes.ts'

interface Row {
  readonly name: string
  readonly receive: Command
  readonly send: (port: string) => Command
  readonly count: number
}

interface Figure {
  readonly perSecond: number
  readonly delivered: number
  /** Processor time, ns a packet. */
  readonly sending: number
  readonly receiving: number
}

const TURNS = Number(process.env.TURNS ?? 3)
const SIZE = '128'
const PEERS = '2000'
const TRIPS = '10000'
const SIDE = fileURLToPath(new URL('./side.ts', import.meta.url))
const ours = (...args: string[]): Command => [process.execPath, '--import', 'tsx', SIDE, ...args]

export async function run(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-native-'))
  try {
    return await compare(compile(folder))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function compare(c: string | undefined): Promise<string> {
  const { sockets, reason } = native()
  const path = (name: string): boolean => name === 'dgram' || sockets !== undefined
  const flow = (name: string, on: string, cipher: string, count: number): Row[] =>
    path(on)
      ? [
          {
            name,
            count,
            receive: ours('receive', on, cipher),
            send: port => ours('send', on, cipher, port, SIZE, String(count)),
          },
        ]
      : []
  const inC = (name: string, receive: string, send: string, count: number): Row[] =>
    c === undefined
      ? []
      : [{ name, count, receive: [c, 'receive', receive], send: port => [c, 'send', send, port, SIZE, String(count)] }]
  const single = (
    name: string,
    receiver: Command | undefined,
    sender: ((port: string) => Command) | undefined,
  ): Row[] => (receiver && sender ? [{ name, count: 300_000, receive: receiver, send: sender }] : [])
  const ourPeers = (on: string) => (port: string) => ours('send', on, 'plain', port, SIZE, '300000', PEERS)
  const cPeers =
    c === undefined ? undefined : (port: string): Command => [c, 'send', 'peers', port, SIZE, '300000', PEERS]
  const cReceive: Command | undefined = c === undefined ? undefined : [c, 'receive', 'many']
  const flows = [
    ...flow('node:dgram', 'dgram', 'plain', 300_000),
    ...inC('C, one a call', 'one', 'one', 600_000),
    ...inC('C, sendmmsg and recvmmsg', 'many', 'many', 600_000),
    ...inC('C, UDP_SEGMENT and UDP_GRO', 'gro', 'gso', 8_000_000),
    ...flow('ours, header written and read', 'native', 'plain', 6_000_000),
    ...flow('ours, AES-256-GCM', 'native', 'aes-256-gcm', 4_000_000),
    ...flow('ours, ChaCha20-Poly1305', 'native', 'chacha20-poly1305', 1_500_000),
    ...flow('node:dgram and node:crypto, AES-256-GCM', 'dgram', 'aes-256-gcm', 100_000),
  ]
  const singles = [
    ...single('node:dgram to node:dgram', ours('receive', 'dgram', 'plain'), ourPeers('dgram')),
    ...single('C to C', cReceive, cPeers),
    ...(path('native')
      ? [
          ...single('C to ours', ours('receive', 'native', 'plain'), cPeers),
          ...single('ours to C', cReceive, ourPeers('native')),
          ...single('ours to ours', ours('receive', 'native', 'plain'), ourPeers('native')),
        ]
      : []),
  ]
  const figures = new Map<Row, Figure[]>()
  for (let turn = 0; turn < TURNS; turn++)
    for (const row of [...flows, ...singles]) figures.set(row, [...(figures.get(row) ?? []), await measure(row)])
  const show = (rows: Row[], base: string): string => {
    const of = (name: string): number => {
      const row = rows.find(one => one.name === name)
      return row === undefined ? Number.NaN : median(figures.get(row)!, 'perSecond')
    }
    return table(
      [
        'path',
        'received, k packets/s',
        'delivered',
        'CPU to send, ns',
        'to receive, ns',
        'to node:dgram',
        `to ${base}`,
      ],
      rows.map(row => {
        const own = of(row.name)
        const ratio = (other: number): string => (Number.isNaN(other) ? '-' : `${(own / other).toFixed(2)}x`)
        return [
          row.name,
          (own / 1000).toFixed(0),
          `${(median(figures.get(row)!, 'delivered') * 100).toFixed(1)} %`,
          median(figures.get(row)!, 'sending').toFixed(0),
          median(figures.get(row)!, 'receiving').toFixed(0),
          ratio(of(rows[0]!.name)),
          ratio(of(base)),
        ]
      }),
    )
  }
  const trips = [
    ...(path('dgram')
      ? [trip('node:dgram', ours('echo', 'dgram', '0', TRIPS), port => ours('ping', 'dgram', '0', port, '64', TRIPS))]
      : []),
    ...(path('native')
      ? ['0', '200'].map(spin =>
          trip(spin === '0' ? 'ours' : `ours, busyPoll ${spin}`, ours('echo', 'native', spin, TRIPS), port =>
            ours('ping', 'native', spin, port, '64', TRIPS),
          ),
        )
      : []),
    ...(c === undefined
      ? []
      : ['sleep', 'spin'].map(how =>
          trip(`C, ${how}`, [c, 'echo', how, TRIPS], port => [c, 'ping', how, port, '64', TRIPS]),
        )),
  ]
  const times: string[][] = []
  for (const { name, echo, ping } of trips) {
    const rounds: number[][] = []
    for (let turn = 0; turn < TURNS; turn++) rounds.push(await measureTrip(echo, ping))
    const middle = (i: number): string =>
      rounds
        .map(one => one[i]!)
        .sort((a, b) => a - b)
        [TURNS >> 1]!.toFixed(1)
    times.push([name, middle(0), middle(1)])
  }
  return [
    '## native',
    '',
    `Packets of ${SIZE} bytes between two processes on the loopback, at whatever rate the sender reaches; medians of ${TURNS} turns.`,
    ...(sockets === undefined ? [`skipped: the native path: ${reason}`] : []),
    ...(c === undefined ? ['skipped: the C program: there is no C compiler'] : []),
    '',
    'One flow:',
    '',
    show(flows, 'C, one a call'),
    '',
    `${PEERS} sockets that send single packets in turn to one socket:`,
    '',
    show(singles, 'C to C'),
    '',
    'One datagram of 64 bytes there and back, at a time, microseconds:',
    '',
    table(['path', 'p50', 'p99'], times),
  ].join('\n')
}

interface Trip {
  readonly name: string
  readonly echo: Command
  readonly ping: (port: string) => Command
}

function trip(name: string, echo: Command, ping: (port: string) => Command): Trip {
  return { name, echo, ping }
}

async function measure(row: Row): Promise<Figure> {
  const receiver = start(row.receive)
  const [, port = ''] = (await receiver.line('ready')).split(' ')
  const sender = start(row.send(port))
  const [, sent, , sending] = (await sender.line('sent')).split(' ').map(Number)
  const [, received, seconds, receiving] = (await receiver.line('received')).split(' ').map(Number)
  await Promise.all([sender.over, receiver.over])
  return {
    perSecond: received! / seconds!,
    delivered: received! / sent!,
    sending: (sending! / sent!) * 1e9,
    receiving: (receiving! / received!) * 1e9,
  }
}

function median(figures: readonly Figure[], key: keyof Figure): number {
  const sorted = figures.map(one => one[key]).sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}
