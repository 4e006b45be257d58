// The two messages that every codec of the benchmark encodes and decodes, and what decoding must have touched: the sum
// over all fields, so that no field can be skipped and no work optimised away.

export interface Packet {
  flags: number
  session: number
  sequence: number
  ack: number
  payload: Uint8Array
}

export interface Report {
  kind: 'ship' | 'drone' | 'station' | 'buoy'
  health: number
  sector: number
  score: number
  tick: number
  serial: Pair
  x: number
  y: number
  z: number
  vx: number
  vy: number
  vz: number
  heading: number
  fuel: number
  name: string
  status: string
}

/** A u64 as two halves: the form that costs least, and that every subject can use. */
export interface Pair {
  hi: number
  lo: number
}

/** The same report with the u64 as bigint, for libraries that want it so. */
export function withBig(m: Report): Omit<Report, 'serial'> & { serial: bigint } {
  return { ...m, serial: (BigInt(m.serial.hi) << 32n) | BigInt(m.serial.lo) }
}

/** What decoders that give bigint count of it. */
export const low = (serial: bigint): number => Number(BigInt.asUintN(32, serial))

export const KINDS: readonly Report['kind'][] = ['ship', 'drone', 'station', 'buoy']

/** One message under test. `prepare` brings it into the library's own form once, unmeasured; `encode` gets that form. */
export interface Operations<M> {
  readonly prepare?: (message: M) => never
  /** Returns the bytes, or the offset behind them in a buffer of its own. */
  readonly encode: (message: M) => Uint8Array | number
  readonly wire: (message: M) => Uint8Array
  /** The sum over all fields. */
  readonly decode: (bytes: Uint8Array) => number
}

export interface Subject {
  readonly name: string
  /** What stands behind the name in the report. */
  readonly note: string
  readonly packet: Operations<Packet>
  readonly report: Operations<Report>
}

export function packets(count: number): Packet[] {
  return Array.from({ length: count }, (_, i) => ({
    flags: i & 0x0f,
    session: (0x1234_0000 + i * 7919) >>> 0,
    sequence: i * 31,
    ack: i * 29,
    payload: Uint8Array.from({ length: 112 }, (_, k) => (31 * k + 7 + i) & 0xff),
  }))
}

export function reports(count: number): Report[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: KINDS[i & 3]!,
    health: (i * 3) & 0xff,
    sector: (i * 257) & 0xffff,
    score: i * 1000 - 20_000,
    tick: 100_000 + i,
    serial: { hi: 0x0102_0304, lo: (0x9506_0000 + i) >>> 0 },
    x: i + 0.5,
    y: i - 0.25,
    z: 12.125,
    vx: 0.5,
    vy: -0.5,
    vz: 0.75,
    heading: 1.5,
    fuel: 0.875,
    name: `vessel-${1000 + i}`,
    status: 'holding position, all systems nominal',
  }))
}

/** What every decoder must return for this message. */
export function packetSum(m: Packet): number {
  return m.flags + m.session + m.sequence + m.ack + m.payload.length + m.payload[0]! + m.payload[111]!
}

export function reportSum(m: Report): number {
  return (
    KINDS.indexOf(m.kind) +
    m.health +
    m.sector +
    m.score +
    m.tick +
    m.serial.lo +
    m.x +
    m.y +
    m.z +
    m.vx +
    m.vy +
    m.vz +
    m.heading +
    m.fuel +
    m.name.length +
    m.status.length +
    m.name.charCodeAt(7)
  )
}
