// What `serve`, `send` and `listen` print while they run: JSON lines for programs (a contract), aligned lines for people.

/** A line of --json. `fields` are JSON already: bytes as `0x..`, enums by name. */
export type LiveEvent =
  | {
      readonly event: 'listening'
      readonly transport: string
      readonly address: string
      readonly port: number
      /** What clients have to know of it: its static key, where its handshake has one. */
      readonly public_key?: string
    }
  | { readonly event: 'open'; readonly peer: string }
  | FrameEvent
  | {
      readonly event: 'error'
      readonly peer?: string
      readonly code: string
      readonly message: string
      readonly fatal: boolean
    }
  | { readonly event: 'close'; readonly peer: string; readonly reason: string }
  | Summary

export interface FrameEvent {
  readonly event: 'frame'
  readonly dir: 'in' | 'out'
  readonly peer: string
  readonly frame: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly channel?: string
}

export interface Summary {
  readonly event: 'summary'
  readonly sent: number
  readonly received: number
  /** Bytes of frames, both ways. */
  readonly bytes: number
  /** Microseconds; absent when nothing was answered. */
  readonly rtt_us?: { readonly p50: number; readonly p90: number; readonly p99: number }
  /** Requests without an answer. */
  readonly lost: number
  readonly duration_ms: number
}
