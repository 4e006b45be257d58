// Bytes shared by everybody who holds half-done messages: a bound over all connections of an endpoint.

export class Budget {
  readonly most: number
  used = 0

  constructor(most: number) {
    this.most = most
  }

  take(bytes: number): boolean {
    if (this.used + bytes > this.most) return false
    this.used += bytes
    return true
  }

  /** Takes them whatever is left: they were acknowledged. */
  owe(bytes: number): void {
    this.used += bytes
  }

  give(bytes: number): void {
    this.used -= bytes
  }
}
