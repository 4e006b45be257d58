// Which channel a message is on, by its place in the plan: what a caller names, what a value says, what a frame says that
// arrived. And which piece of a message a frame carries.

import type { PieceNumbers } from '../channel/host.ts'
import type { Reader } from '../wire/codec.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { LocalError } from './errors.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'

export class ChannelPlaces {
  /** The reliable channel, where there is one. */
  readonly onlyReliable: number | undefined
  readonly #plan: ChannelPlan
  readonly #places: ReadonlyMap<string, number>
  /** Where a value says which channel it is for. */
  readonly #path: readonly string[]
  readonly #piece: { id: number; index: number; count: number } = { id: 0, index: 0, count: 0 }

  constructor(plan: ChannelPlan) {
    this.#plan = plan
    this.#places = new Map(plan.channels.map((one, place) => [one.name, place]))
    this.#path = plan.header.channel?.path.split('.') ?? []
    const [one, ...others] = plan.channels.filter(channel => channel.delivery.startsWith('reliable'))
    this.onlyReliable = one !== undefined && others.length === 0 ? plan.channels.indexOf(one) : undefined
  }

  /** By its name. Throws where the frame does not travel on it. */
  named(frame: FramePlan, name: string): number {
    const { channel } = frame.descriptor
    const place = this.#places.get(name)
    if (place === undefined || (channel !== name && channel !== 'any'))
      throw new LocalError('BadOption', `${frame.name} does not travel on a channel "${name}"`)
    return place
  }

  /** By the value that is sent. Throws where that does not say it. */
  placeOf(frame: FramePlan, value: Plain): number {
    if (frame.place !== undefined) return frame.place
    let id: unknown = value
    for (const name of this.#path) id = (id as Plain | undefined)?.[name]
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
