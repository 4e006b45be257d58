// Frames that the engine can speak by itself. None is known by its name: the schema says what each can do.

import type { Codec } from '../wire/codec.ts'
import { refusal } from './least.ts'
import type { FramePlan } from './plan.ts'
import type { ChannelHeader } from './protocol.ts'

/** Frames that this side can make of nothing, and that are neither answers nor goodbyes nor carry messages. */
export function spokenAlone(codec: Codec, frames: readonly FramePlan[], header?: ChannelHeader): FramePlan[] {
  return frames.filter(frame => {
    const { close, channel } = frame.descriptor
    if (frame.name === header?.bundleFrame || frame.name === header?.parityFrame) return false
    const speaks = frame.maySend && close === undefined && channel === undefined && frame.answerTo.length === 0
    return speaks && refusal(codec, frame.name, {}) === undefined
  })
}

/** The one that means nothing to anybody: no request, nothing to learn. */
export function emptyOf(alone: readonly FramePlan[]): FramePlan | undefined {
  return alone.find(one => one.requestOf.length + one.answeredBy.length + one.descriptor.learn.length === 0)
}
