// How much may be on the way at once: one controller for a connection, asked by whoever sends (RFC 9002 section 7). All
// of them count bytes in flight; what is lost is told once for each message, and counts once for each round trip.

export interface Congestion {
  /** Bytes that may be in flight. */
  readonly window: number
  /** It still grows by what is acknowledged (slow start). */
  readonly starting: boolean
  /**
   * `bytes`, sent at `sentAt`, arrived. `limited`: the window was used up, so that a larger one would have been used.
   * `rtt`: smoothed, milliseconds.
   */
  acked(now: number, bytes: number, sentAt: number, limited: boolean, rtt: number): void
  /** Something sent at `sentAt` was lost, and that means congestion. The window is above `least` bytes and does not fall below. */
  lost(now: number, sentAt: number, least: number): void
  /** The last `lost` was none: what was sent at `sentAt` has arrived. */
  undo(): void
  /** Nothing has come back for several timeouts (persistent congestion, RFC 9002 section 7.6). */
  silent(now: number): void
  /** Queues grow while the window still doubles: no further (RFC 9406). */
  enough(): void
}

/** Bytes of a full datagram are the unit: windows begin at ten and never fall below two (RFC 6928, RFC 9002 7.2). */
export const INITIAL_DATAGRAMS = 10
export const LEAST_DATAGRAMS = 2
