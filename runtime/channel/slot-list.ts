// Messages or parts that are on their way, in the order in which they left: one is taken out at any place in no time.

export interface Linked<T> {
  before: T | undefined
  after: T | undefined
}

/** Items one behind the other; an item is in one list at most. */
export class SlotList<T extends Linked<T>> {
  first: T | undefined
  last: T | undefined
  count = 0

  /** At the end. */
  add(slot: T): void {
    slot.before = this.last
    slot.after = undefined
    if (this.last === undefined) this.first = slot
    else this.last.after = slot
    this.last = slot
    this.count++
  }

  remove(slot: T): void {
    if (slot.before === undefined) this.first = slot.after
    else slot.before.after = slot.after
    if (slot.after === undefined) this.last = slot.before
    else slot.after.before = slot.before
    slot.before = slot.after = undefined
    this.count--
  }

  clear(): void {
    this.first = this.last = undefined
    this.count = 0
  }
}
