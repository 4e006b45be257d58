// A peer that holds valid keys and means harm: its endpoint goes on as it should, and beside that it seals whatever bytes
// it is given. What it seals opens at the other side.
import type { Plain } from '../../../runtime/core/recast.ts'
import type { SecureConnection } from '../../../runtime/core/secure-connection.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import type { Session } from '../../../runtime/core/session.ts'
import type { Party } from './network.ts'
import type { Subject } from './subjects.ts'

const TAG = 16

export class Liar {
  /** Packets sealed by it. */
  told = 0
  readonly #party: Party
  readonly #endpoint: SecureEndpoint
  readonly #connection: SecureConnection

  constructor(party: Party, session: Session) {
    const endpoint = party.endpoint as SecureEndpoint
    this.#party = party
    this.#endpoint = endpoint
    // Its connection, seen when something honest goes out.
    let connection: SecureConnection | undefined
    const write = endpoint.write
    endpoint.write = (owner, ...rest) => {
      connection ??= owner
      write.call(endpoint, owner, ...rest)
    }
    session.say(session.now, 'Ping', {})
    endpoint.write = write
    if (connection === undefined) throw new Error('nothing went out')
    this.#connection = connection
    this.flush()
  }

  /** From now on its own endpoint hears nothing: it would close for what the answers to its lies say. */
  deafen(): void {
    this.#endpoint.receive = () => false
  }

  get isOver(): boolean {
    return this.#connection.state !== 'open' || this.#connection.session?.phase !== 'open'
  }

  /** A frame as text, in front of the tag: header and all, to be spoilt. */
  text(frame: string, value: Plain): Uint8Array {
    const codec = this.#endpoint.codecOf(this.#connection)
    const bytes = new Uint8Array(codec.sizeOf(frame, value))
    const end = codec.encode(frame, value, bytes, 0)
    return bytes.slice(0, end - TAG)
  }

  /** Seals a text and sends it. */
  tell(text: Uint8Array): void {
    if (this.#connection.seal === undefined) return
    const bytes = new Uint8Array(text.length + TAG)
    bytes.set(text)
    this.#endpoint.writeAgain(this.#connection, bytes)
    this.told++
  }

  frame(frame: string, value: Plain): void {
    this.tell(this.text(frame, value))
  }

  /** From now on its packets say that they have seen so many phases of the peer more than they have. */
  claimPhase(steps: number): void {
    this.#connection.seal!.receiving.phase += steps
  }

  /** What was told leaves. */
  flush(): void {
    this.#party.socket.touch()
  }
}

/** What a liar may put into the fields of a channel. */
export interface Claim {
  readonly seq?: number
  readonly ack?: number
  readonly bits?: bigint
  readonly piece?: { readonly id: number; readonly index: number; readonly count: number }
  readonly size?: number
}

/** A message with chosen numbers: on the reliable channel, on one that may lose it, or on one that carries pieces. */
export function message(
  { name }: Subject,
  on: 'reliable' | 'loose' | 'pieces',
  { seq = 1, ack, bits = 0n, piece, size = 8 }: Claim,
): [string, Plain] {
  const body = new Uint8Array(Math.max(1, size)).fill(48)
  if (name === 'intentra')
    return ['Data', { intent: on === 'loose' ? 'realtime' : 'reliable', message: seq, ack: ack ?? 0, payload: body }]
  if (name === 'fastnet') {
    const channel = on === 'loose' ? 1 : on === 'pieces' ? 2 : 0
    const fragment = {
      fragment_id: (piece?.id ?? 0) & 255,
      fragment_index: piece?.index ?? 0,
      fragment_count: piece?.count ?? 0,
    }
    // reliable, fragment
    const flags = (on !== 'loose' ? 1 : 0) | (piece !== undefined ? 2 : 0)
    return [
      'Data',
      {
        channel,
        sequence: seq,
        ack: ack ?? 0,
        ack_bits: Number(bits & 0xffff_ffffn),
        flags,
        ...fragment,
        payload: body,
      },
    ]
  }
  const numbers = {
    seq,
    flags: (ack !== undefined ? 1 : 0) | (piece !== undefined ? 2 : 0),
    ...(ack !== undefined && { ack, ack_bits: bits }),
    ...(piece !== undefined && { piece: { message: piece.id & 65_535, index: piece.index, count: piece.count } }),
  }
  if (name === 'chat') {
    if (on === 'loose') return ['Typing', { channel: 2, ...numbers, room: 'r', typing: true }]
    if (on === 'pieces') return ['File', { channel: 3, ...numbers, room: 'r', name: 'n', content: body }]
    return ['Say', { channel: 1, ...numbers, room: 'r', text: '0'.repeat(size) }]
  }
  if (on === 'loose') return ['Move', { channel: 1, ...numbers, player: 1, at: { x: 1, y: 1 }, facing: 0 }]
  if (on === 'pieces') return ['Shout', { channel: 3, ...numbers, player: 1, text: body }]
  return ['Shout', { channel: 3, ...numbers, player: 1, text: body }]
}

/** The same as text; numbers that no codec writes are put in behind its back. */
export function claimed(liar: Liar, subject: Subject, on: 'reliable' | 'loose' | 'pieces', claim: Claim): Uint8Array {
  const { piece, ack } = claim
  const isChecked = subject.name === 'chat' || subject.name === 'arena'
  if (piece === undefined || !isChecked) return liar.text(...message(subject, on, claim))
  const text = liar.text(...message(subject, on, { ...claim, piece: { id: piece.id, index: 0, count: 2 } }))
  // Behind header, channel, flags and number: the acknowledgement, then message, index and count.
  const view = new DataView(text.buffer, 19 + (ack === undefined ? 0 : 12))
  view.setUint16(2, piece.index & 65_535)
  view.setUint16(4, piece.count & 65_535)
  return text
}

/** An acknowledgement of reliable messages. */
export function acknowledgement(subject: Subject, ack: number, bits = 0n): [string, Plain] {
  if (subject.name === 'intentra') return ['Ack', { ack, bits }]
  if (subject.name === 'fastnet')
    return ['Ack', { channel: 0, sequence: 0, ack, ack_bits: Number(bits & 0xffff_ffffn), flags: 8 }]
  return ['Nothing', { channel: subject.name === 'chat' ? 1 : 3, flags: 1, ack, ack_bits: bits }]
}
