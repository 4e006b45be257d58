// The contract of every engine: a machine. It is deterministic and does no I/O: bytes, commands and the current time go
// in; bytes to send, calls into a sink and the next deadline come out. Sockets, timers, the clock and randomness belong
// to drivers (runtime/drivers) and to the simulated network (runtime/sim), which run every machine in the same way:
//
//   1  give it ONE input: start, receive, end, lost, wake, or a command (a method of the concrete machine)
//   2  take its output: call `transmit` until it gives undefined, and `release` each piece once it is on its way
//   3  look at `reading`, `closing` (streams) or `closed` (datagrams)
//   4  arm ONE timer for `deadline`; when it passes, call `wake` (an early or superfluous `wake` is harmless)
//
// Single mutation: between two inputs the output is drained until it is empty, or until the transport takes no more
// (then the driver goes on draining when it does, before it gives the next input where it can). What is not drained
// stays in the machine, bounded by `limits.queue`; that is how backpressure reaches whoever sends.
// A sink runs inside an input. From there commands may be given (a handler that sends an answer), inputs may not.
// Input from a peer never throws out of a machine. Misuse by the caller (a command that makes no sense) throws LocalError.

import type { PeerError } from './errors.ts'

/** A point on the driver's clock, in milliseconds. Only differences mean something. Infinity = never. */
export type Instant = number & { readonly instant: unique symbol }

export const instant = (ms: number): Instant => ms as Instant
export const NEVER: Instant = instant(Number.POSITIVE_INFINITY)

/** Bytes that belong to somebody else, who may overwrite them after the call. To keep them, copy. */
export type Borrowed = Uint8Array

/** `host:port`, an IPv6 host in brackets: the key of a peer on a datagram socket. Compared as text. */
export type Address = string

/**
 * Datagrams that travel together; one datagram is a batch of one. Number `i` (below `count`) is
 * `slab[offsets[i] .. offsets[i] + lengths[i])`; `peers[i]` sent it or, on the way out, is to receive it.
 */
export interface Batch {
  readonly slab: Uint8Array
  readonly count: number
  readonly offsets: ArrayLike<number>
  readonly lengths: ArrayLike<number>
  readonly peers: ArrayLike<Address>
}

/** What all machines have. */
export interface Machine {
  /** Time has passed. Does whatever is due; nothing if nothing is. */
  wake(now: Instant): void
  /** When to call `wake`, NEVER when there is no need. May change with every input. Cheap to read. */
  readonly deadline: Instant
}

/** One socket, many peers, told apart by address. */
export interface DatagramMachine extends Machine {
  /**
   * Datagrams arrived. The bytes are borrowed until the call returns, unless it returns true (KEPT): then the machine
   * still refers to `batch.slab`, and the driver must leave that memory alone for good (take another, let this one go).
   */
  receive(now: Instant, batch: Batch): boolean
  /**
   * The network says that nobody listens at `peer` (ICMP), or a datagram could not be sent there. Advice, not proof.
   */
  unreachable(now: Instant, peer: Address, reason: string): void
  /** The next run of datagrams to send, or undefined. It and its slab are the driver's until `release`. */
  transmit(): Batch | undefined
  /** A batch has been sent (or given up): its memory goes back to the machine. Order does not matter. */
  release(batch: Batch): void
  /** True when the machine is at its end, all output drained: the driver closes the socket. */
  readonly closed: boolean
}

/** One end of one connection of ordered bytes. */
export interface StreamMachine extends Machine {
  /** The transport is open in both directions. First input, once. */
  start(now: Instant): void
  /**
   * Bytes arrived, any number of them. Only while `reading`. Borrowed until the call returns, unless it returns true
   * (KEPT): then the machine still refers to the memory, and the driver must leave it alone for good.
   */
  receive(now: Instant, chunk: Borrowed): boolean
  /** The peer will send no more (FIN). What was sent towards it may still arrive. */
  end(now: Instant): void
  /**
   * The transport is gone, both ways: `closed` in order, or the reason. Last input; harmless when repeated.
   * `error`: what became of it, where the driver knows more than that the connection was reset.
   */
  lost(now: Instant, reason: string, error?: PeerError): void
  /** The next run of bytes to send, or undefined. The memory is the driver's until `release`. */
  transmit(): Uint8Array | undefined
  /** A chunk has been written (or given up): its memory goes back to the machine. In the order of `transmit`. */
  release(chunk: Uint8Array): void
  /**
   * False: give no more bytes until it is true again (a slow handler, a full queue). It changes with inputs and with
   * commands; the driver looks after each of them.
   */
  readonly reading: boolean
  /**
   * Undefined: stay open. `after-flush`: drain the output, then end the transport (FIN), and `lost` when that is done
   * or takes too long (`deadline` sees to it by turning to `now`). `now`: drop the output, destroy the transport.
   */
  readonly closing: 'after-flush' | 'now' | undefined
}

/** Returned by `receive` when the machine keeps referring to the bytes it got. */
export const KEPT = true
