// The native link where the system says no: a socket that takes nothing for a while, and errors in the middle of a batch.
// The addon is played here, since the loopback never blocks.
import { constants } from 'node:os'
import { expect, test } from 'vitest'
import { bindNative, NativeUdpLink } from '../../runtime/drivers/udp-native.ts'
import { type NativeSockets, READABLE, WRITABLE } from '../../runtime/native/addon.ts'
import { Recorder, TRANSPORT, turn, until } from './recorder.ts'

const { EAGAIN, ENOBUFS, EINVAL, ECONNREFUSED } = constants.errno

test('a full socket makes the machine wait until it is writable; nothing is lost and nothing sent twice', async () => {
  const { socket, machine, link, played } = start()
  played.room = 10
  for (let i = 0; i < 100; i++) machine.send('127.0.0.1:9', Uint8Array.of(i))
  link.soon()
  await turn()
  expect([played.sent.length, machine.isBlocked, played.watched]).toEqual([10, true, READABLE | WRITABLE])
  // Commands meanwhile send nothing.
  machine.send('127.0.0.1:9', Uint8Array.of(100))
  link.soon()
  await turn()
  expect(played.sent.length).toBe(10)
  while (played.sent.length < 101) {
    played.room = 7
    socket.onReady(WRITABLE)
    await turn()
  }
  expect(played.sent).toEqual(Array.from({ length: 101 }, (_, i) => i))
  expect(machine.isBlocked).toBe(false)
  expect(played.watched).toBe(READABLE)
  link.destroy()
})

test('a machine that ends while the socket is full closes it after the rest has left', async () => {
  const { socket, machine, link, played } = start()
  played.room = 1
  for (let i = 0; i < 3; i++) machine.send('127.0.0.1:9', Uint8Array.of(i))
  machine.closed = true
  link.soon()
  await turn()
  expect([played.sent, played.isClosed]).toEqual([[0], false])
  played.room = 5
  socket.onReady(WRITABLE)
  await link.closed
  expect([played.sent, played.isClosed]).toEqual([[0, 1, 2], true])
})

test('a datagram that is refused is told and left out; a full queue of the system loses it without a word', async () => {
  const { machine, link, played } = start()
  played.errors.set(3, EINVAL).set(5, ENOBUFS)
  for (let i = 0; i < 8; i++) machine.send(`127.0.0.1:${i + 1}`, Uint8Array.of(i))
  link.soon()
  await until(() => played.sent.length === 6)
  expect(played.sent).toEqual([0, 1, 2, 4, 6, 7])
  expect(machine.refused).toHaveLength(1)
  expect(machine.refused[0]).toMatch(/^127\.0\.0\.1:4 /)
  link.destroy()
})

test('what an earlier datagram caused does not cost the next one, but one that is refused twice is given up', async () => {
  const { machine, link, played } = start()
  played.errors.set(1, ECONNREFUSED)
  played.isOnce = true
  for (let i = 0; i < 3; i++) machine.send('127.0.0.1:9', Uint8Array.of(i))
  link.soon()
  await turn()
  expect(played.sent).toEqual([0, 1, 2])
  played.errors.set(11, ECONNREFUSED)
  played.isOnce = false
  for (let i = 10; i < 13; i++) machine.send('127.0.0.1:9', Uint8Array.of(i))
  link.soon()
  await turn()
  expect(played.sent).toEqual([0, 1, 2, 10, 12])
  link.destroy()
})

test('a long row leaves in several turns, so that the receiver keeps up', async () => {
  const { machine, link, played } = start()
  const perTurn: number[] = []
  for (let i = 0; i < 4000; i++) machine.send('127.0.0.1:9', Uint8Array.of(i & 255))
  link.soon()
  for (let before = 0; before < 4000; ) {
    await new Promise(resolve => setImmediate(resolve))
    if (played.sent.length > before) perTurn.push(played.sent.length - before)
    before = played.sent.length
  }
  expect(perTurn.length).toBeGreaterThanOrEqual(4)
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(1024)
  link.destroy()
})

test('an error of the socket itself ends the machine with it', async () => {
  const { socket, machine, link, played } = start()
  socket.onReady(-constants.errno.EBADF)
  await link.closed
  expect(machine.lastWords).toContain('EBADF')
  expect(played.isClosed).toBe(true)
})

interface Played {
  /** First bytes of what was sent. */
  readonly sent: number[]
  /** How many datagrams it takes before it is full. */
  room: number
  /** Errors by first byte. */
  readonly errors: Map<number, number>
  isOnce: boolean
  watched: number
  isClosed: boolean
}

function start(): { socket: ReturnType<typeof bindNative>; machine: Recorder; link: NativeUdpLink; played: Played } {
  const played: Played = { sent: [], room: 1e9, errors: new Map(), isOnce: false, watched: 0, isClosed: false }
  const sockets: NativeSockets = {
    packAddress: () => 0,
    nameAddress: () => '127.0.0.1:1',
    openSocket: () => 1,
    bindSocket: () => 0,
    connectSocket: () => 0,
    localAddress: () => 0,
    watchSocket(_socket, events) {
      played.watched = events
      return 0
    },
    optionOf: () => 0,
    closeSocket() {
      played.isClosed = true
    },
    receive: () => -EAGAIN,
    sendOne: () => -EINVAL,
    send(_socket, slab, rows, _addresses, from, to, failed) {
      for (let i = from; i < to; i++) {
        const first = slab[rows[i] as number] as number
        const error = played.room-- <= 0 ? EAGAIN : played.errors.get(first)
        if (error !== undefined) {
          if (played.isOnce) played.errors.delete(first)
          failed[0] = error
          failed[1] = 1
          return i - from
        }
        played.sent.push(first)
      }
      return to - from
    },
  }
  const machine = new Recorder()
  const socket = bindNative(sockets, { host: '127.0.0.1', port: 0 }, TRANSPORT, {})
  return { socket, machine, link: new NativeUdpLink(socket, machine), played }
}
