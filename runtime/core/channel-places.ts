// Which channel a message is on, by its place in the plan: what a caller names, what a value says, what a frame says that
// arrived. And which piece of a message a frame carries.

import type { PieceNumbers } from '../channel/host.ts'
import type { Reader } from '../wire/codec.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { LocalError } from './errors.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'

export class ChannelPlaces {
  readonly #plan: ChannelPlan
  /** What was asked for last, by frame and name: whoever sends many messages asks for the same again. */
  #lastFrame: FramePlan | undefined
  #lastName: string | undefined
  #lastPlace = 0
  #piece: { id: number; index: number; count: number } | undefined

  constructor(plan: ChannelPlan) {
    this.#plan = plan
  }

  /** By its name. Throws where the frame does not travel on it. */
  named(frame: FramePlan, name: string): number {
    if (frame === this.#lastFrame && name === this.#lastName) return this.#lastPlace
    const { channel } = frame.descriptor
    const place = this.#plan.places.get(name)
    if (place === undefined || (channel !== name && channel !== 'any'))
      throw new LocalError('BadOption', `${frame.name} does not travel on a channel "${name}"`)
    this.#lastFrame = frame
    this.#lastName = name
    this.#lastPlace = place
    return place
  }

  /** By the value that is sent. Throws where that does not say it. */
  placeOf(frame: FramePlan, value: Plain): number {
    if (frame.place !== undefined) return frame.place
    let id: unknown = value
    for (const name of this.#plan.path) id = (id as Plain | undefined)?.[name]
    const place = this.#plan.placeOf(id)
    if (place !== undefined) return place
    const names = this.#plan.channels.map(one => one.name).join(' or ')
    throw new LocalError('BadOption', `${frame.name} travels on any channel: say which, ${names}`)
  }

  /** The numbers of a piece, overwritten by the next; undefined for a whole message. */
  pieceOf(place: number, frame: Reader): PieceNumbers | undefined {
    const { fragment_id: id, fragment_index: index, fragment_count: count } = this.#plan.header
    if (this.#plan.channels[place]?.fragment === undefined || id === undefined) return undefined
    const of = Number(count?.get(frame) ?? 0)
    if (of < 2) return undefined
    this.#piece ??= { id: 0, index: 0, count: 0 }
    return Object.assign(this.#piece, {
      id: Number(id.get(frame) ?? 0),
      index: Number(index?.get(frame) ?? 0),
      count: of,
    })
  }
}

/** Whether the header of a frame agrees with the frame about the channel. */
export function belongs(
  { header, channels }: ChannelPlan,
  { descriptor }: FramePlan,
  place: number,
  frame: Reader,
): boolean {
  const channel = channels[place]
  if (descriptor.channel !== 'any' && channel?.name !== descriptor.channel) return false
  return header.channel === undefined || channel?.id === undefined || header.channel.get(frame) === channel.id
}
