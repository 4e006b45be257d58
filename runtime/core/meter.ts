// What machines report about themselves. Plain counters in plain numbers, cheap enough for every frame; a registry
// (metrics.ts) reads them when it is scraped. No peer is ever a label.

/** Events that `metrics.NAME.on` in the schema may name, beside frames; the text says what their label means. */
export type MeterEvent =
  /** A frame or chunk was refused: `code`. */
  | 'error'
  /** A rule was broken that counts against the peer: `code`. */
  | 'strike'
  /** A connection opened (after its handshake). */
  | 'open'
  /** A connection closed: `reason`. */
  | 'close'
  /** A bound was met: `limit.rate`, `limit.connections`, ...: `reason`. */
  | `limit.${string}`
  /** Sealed packets: `seal.replayed`; `seal.lost`, `size` of them; `seal.unknown`, of nobody; `seal.rekey`. */
  | `seal.${string}`
  /** `reply.retry`, `reply.timeout`: `frame`. */
  | `reply.${string}`
  /** `handshake.begin`, `.challenge`, `.done`, `.failed`, `.timeout`: `reason`. */
  | `handshake.${string}`
  /** `channel.again`, a message sent once more; `channel.lost`, `.late`, `.full`: `channel`. */
  | `channel.${string}`
  /** `relay.queued`, `relay.dropped`, ...: `channel`. */
  | `relay.${string}`
  /** `path.moved`. */
  | `path.${string}`
  | 'idle.timeout'
  | 'write.timeout'
  | 'accept.error'

/** Values that `metrics.NAME.of` may name. */
export type MeterGauge = 'connections' | 'handshakes' | 'queue.bytes' | 'reorder.bytes' | 'relay.groups'

export interface Meter {
  /** A frame passed every check, or `times` of them. `frame` is its index in the codec, `size` the bytes with framing. */
  received(frame: number, size: number, times?: number): void
  sent(frame: number, size: number, times?: number): void
  /** Bytes that went through a socket, and in how many datagrams or chunks (default 1). */
  bytesIn(size: number, packets?: number): void
  bytesOut(size: number, packets?: number): void
  /** Something happened. `label` as MeterEvent says, `size` in bytes where the event has one. */
  count(event: MeterEvent, label?: string, size?: number): void
  /** A round-trip time, milliseconds. */
  roundTrip(ms: number): void
  /** How long a handshake took that ended well, milliseconds. */
  handshake(ms: number): void
  /** Gives a value to read at scrape; values of several connections add up. Returns what takes it away again. */
  gauge(of: MeterGauge, read: () => number): () => void
}

/** For machines that nobody watches. */
export const NO_METER: Meter = {
  received() {},
  sent() {},
  bytesIn() {},
  bytesOut() {},
  count() {},
  roundTrip() {},
  handshake() {},
  gauge: () => () => {},
}
