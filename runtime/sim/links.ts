// The links of a network: one for each pair of addresses, made at first use, with options that go from the general to
// the particular: those of the network, of the two hosts, of the two addresses.

import { Link, type LinkCounters, type LinkOptions, PERFECT_LINK } from './link.ts'
import { hostOf } from './partition.ts'
import type { SimRandom } from './random.ts'

export class Links {
  readonly #general: Partial<LinkOptions>
  readonly #random: SimRandom
  readonly #counters: LinkCounters
  readonly #links = new Map<string, Map<string, Link>>()
  readonly #options = new Map<string, Partial<LinkOptions>>()

  constructor(general: Partial<LinkOptions>, random: SimRandom, counters: LinkCounters) {
    this.#general = general
    this.#random = random
    this.#counters = counters
  }

  /** The link from one address to another. */
  get(from: string, to: string): Link {
    let links = this.#links.get(from)
    if (links === undefined) {
      links = new Map()
      this.#links.set(from, links)
    }
    let link = links.get(to)
    if (link === undefined) {
      link = new Link(this.#optionsOf(from, to), this.#random.fork(`${from}>${to}`), this.#counters)
      links.set(to, link)
    }
    return link
  }

  /** Replaces the options between two addresses or hosts, in this direction. */
  set(from: string, to: string, options: Partial<LinkOptions>): void {
    this.#options.set(`${from}>${to}`, options)
    for (const [a, links] of this.#links) for (const [b, link] of links) link.options = this.#optionsOf(a, b)
  }

  #optionsOf(from: string, to: string): LinkOptions {
    const hosts = this.#options.get(`${hostOf(from)}>${hostOf(to)}`)
    return { ...PERFECT_LINK, ...this.#general, ...hosts, ...this.#options.get(`${from}>${to}`) }
  }
}
