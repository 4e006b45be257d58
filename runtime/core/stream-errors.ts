// What goes wrong on a stream connection, in words.

import type { Context } from '../wire/codec.ts'
import { LocalError, type PeerError, peerError } from './errors.ts'
import type { FramePlan } from './plan.ts'

export function tooLarge(frame: FramePlan, size: number, most: number): LocalError {
  return new LocalError('TooLarge', `${frame.name} has ${size} bytes, at most ${most} are allowed here`)
}

export function tooEarly(frame: FramePlan): LocalError {
  return new LocalError('WrongState', `${frame.name} cannot be sent before the handshake is over`)
}

/** For looking at frames of either side as plain text: nothing is sealed or opened twice. */
export function unsealed(context: Context): Context {
  return { ...context, dir: undefined, state: undefined, open: undefined, seal: undefined, plain: true }
}

export function lostError(reason: string): PeerError {
  return peerError('Reset', `the connection was lost: ${reason}`, { fatal: true })
}

export function lostTrack(): PeerError {
  return peerError('Reset', 'the stream cannot be read on after a frame whose end is unknown', { fatal: true })
}
