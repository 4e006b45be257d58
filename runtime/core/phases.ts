// How far a connection is, as one table: what may happen in each phase and where it leads. Sessions of every transport go
// through it and nowhere else; an event that a phase does not have changes nothing. What an application sees of it are four
// states.

/**
 * `opening`: its handshake runs; `open`; `draining`: closing, but something is not sent or not answered yet; `flushing`:
 * the last frame is in the outbox; `dead`: nothing more is sent; `over`: the sink was told.
 */
export type Phase = 'opening' | 'open' | 'draining' | 'flushing' | 'dead' | 'over'

export type PhaseEvent =
  /** The handshake is done, or there is none. */
  | 'opened'
  /** This side ends it in order. */
  | 'closed'
  /** Nothing is left to wait for: the last frame is written. */
  | 'finished'
  /** A rule was broken, or a time has passed: the last frame is written. */
  | 'failed'
  /** The peer said goodbye; `left`: and takes nothing more. */
  | 'goodbye'
  | 'left'
  /** It ends at once. */
  | 'aborted'
  /** The transport is gone, or the endpoint let go of the peer. */
  | 'gone'

export type ConnectionState = 'connecting' | 'connected' | 'disconnecting' | 'disconnected'

export const PHASES: Readonly<Record<Phase, Readonly<Partial<Record<PhaseEvent, Phase>>>>> = {
  opening: { opened: 'open', aborted: 'dead', gone: 'over' },
  open: { closed: 'draining', failed: 'flushing', goodbye: 'flushing', left: 'dead', aborted: 'dead', gone: 'over' },
  draining: {
    finished: 'flushing',
    failed: 'flushing',
    goodbye: 'flushing',
    left: 'dead',
    aborted: 'dead',
    gone: 'over',
  },
  flushing: { aborted: 'dead', gone: 'over' },
  dead: { gone: 'over' },
  over: {},
}

export const STATES: Readonly<Record<Phase, ConnectionState>> = {
  opening: 'connecting',
  open: 'connected',
  draining: 'disconnecting',
  flushing: 'disconnecting',
  dead: 'disconnecting',
  over: 'disconnected',
}
