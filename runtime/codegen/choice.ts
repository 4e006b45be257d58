// Which frames may come: their direction and state against the context, looked at only when the context changed.
import type { Context } from '../wire/codec.ts'

export interface FrameRule {
  readonly bare: boolean
  /** `match: else`, without an id. */
  readonly orElse?: boolean
  /** Bytes of the envelope that must be there to tell it from others; where they vary, 1. */
  readonly reach: number
  /** Empty: any. */
  readonly states: readonly string[]
  /** `sender>receiver`, every pair of roles that may be meant; empty: any. */
  readonly dirs: readonly string[]
}

export class FrameChoice {
  /** 1 for frames that fit the context, by index. */
  readonly fits: Uint8Array
  /** Only frames without envelope fit. */
  onlyBare = false
  /** Bytes of the envelope that the frames which fit ask for. */
  reach = 0
  /** No frame with an envelope fits. */
  noneFits = false
  /** There is a frame that takes what no other takes. */
  readonly anyElse: boolean
  private readonly rules: readonly FrameRule[]
  private dir: string | undefined
  private state: string | undefined
  private known = false

  constructor(rules: readonly FrameRule[]) {
    this.rules = rules
    this.fits = new Uint8Array(rules.length)
    this.anyElse = rules.some(rule => rule.orElse === true)
  }

  update(context: Context): void {
    if (this.known && this.dir === context.dir && this.state === context.state) return
    this.known = true
    this.dir = context.dir
    this.state = context.state
    let tagged = 0
    let reach = 0
    let bare = 0
    for (const [i, rule] of this.rules.entries()) {
      const fits =
        (this.state === undefined || rule.states.length === 0 || rule.states.includes(this.state)) &&
        (this.dir === undefined || rule.dirs.length === 0 || rule.dirs.includes(this.dir))
      this.fits[i] = fits ? 1 : 0
      if (!fits) continue
      if (rule.bare) bare++
      else tagged++
      if (!rule.bare && rule.reach > reach) reach = rule.reach
    }
    this.reach = reach
    this.noneFits = tagged === 0
    this.onlyBare = tagged === 0 && bare > 0
  }
}
