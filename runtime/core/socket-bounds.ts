// What the machines of datagram sockets have in common, sealed or not.

export const NOTHING: Uint8Array = new Uint8Array(0)
/** UDP over IPv4. */
export const LARGEST_DATAGRAM = 65_507
/** Codecs kept for handlers that take their time. */
export const SPARES = 16
