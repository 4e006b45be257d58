// Prints what happens on the connections of a command, and ends with a summary.

import { hostPort } from '../input/host-port.ts'
import type { Paint } from '../output/color.ts'
import { jsonLine } from '../output/json.ts'
import { formatCount, formatDuration, formatSize, plural } from '../output/number.ts'
import type { FrameEvent, LiveEvent, Summary } from './events.ts'
import { RoundTrips } from './rtt.ts'

/** What went over all connections. */
export interface Traffic {
  readonly sent: number
  readonly received: number
  /** Both ways. */
  readonly bytes: number
}

export interface MonitorOptions {
  /** Print lines for programs. */
  readonly json: boolean
  /** Print neither frames nor connections for people; errors and the summary remain. */
  readonly quiet: boolean
  readonly paint: Paint
  readonly write: (line: string) => void
}

export class Monitor {
  readonly rtt: RoundTrips = new RoundTrips()
  readonly #options: MonitorOptions
  /** When the first thing happened. */
  #start: number | undefined
  #lost = 0
  #peerWidth = 0
  #frameWidth = 0

  constructor(options: MonitorOptions) {
    this.#options = options
  }

  /** False when nobody would see a frame: then making its fields readable can be saved. */
  get showsFrames(): boolean {
    return this.#options.json || !this.#options.quiet
  }

  lost(count = 1): void {
    this.#lost += count
  }

  event(event: LiveEvent): void {
    this.#start ??= performance.now()
    if (this.#options.json) this.#options.write(jsonLine(event))
    else if (!this.#options.quiet || event.event === 'error') this.#options.write(this.#line(event))
  }

  /** The last line. */
  finish({ sent, received, bytes }: Traffic): Summary {
    const rtt = this.rtt.summary()
    const summary: Summary = {
      event: 'summary',
      sent,
      received,
      bytes,
      ...(rtt ? { rtt_us: rtt } : {}),
      lost: this.#lost,
      duration_ms: Math.round(performance.now() - (this.#start ?? performance.now())),
    }
    this.#options.write(this.#options.json ? jsonLine(summary) : this.#summaryLine(summary))
    return summary
  }

  #line(event: LiveEvent): string {
    const { dim, red, green } = this.#options.paint
    switch (event.event) {
      case 'listening':
        return `${green('listening')}  ${event.transport}://${hostPort(event.address, event.port)}${event.public_key === undefined ? '' : dim(`  public key ${event.public_key}`)}`
      case 'open':
        return dim(`open   ${event.peer}`)
      case 'close':
        return dim(`close  ${event.peer}  ${event.reason}`)
      case 'error':
        return `${red('error')}  ${event.peer ?? ''}  ${event.code}: ${event.message}`
      case 'summary':
        return this.#summaryLine(event)
      case 'frame':
        return this.#frameLine(event)
    }
  }

  /** Columns grow with what has been seen, so that lines stay aligned without knowing what will come. */
  #frameLine({ dir, peer, frame, fields, channel }: FrameEvent): string {
    const { cyan, dim, green, magenta } = this.#options.paint
    this.#peerWidth = Math.max(this.#peerWidth, peer.length)
    this.#frameWidth = Math.max(this.#frameWidth, frame.length)
    const arrow = dir === 'in' ? green('<') : magenta('>')
    const parts = [arrow, dim(peer.padEnd(this.#peerWidth)), cyan(frame.padEnd(this.#frameWidth)), formatFields(fields)]
    return `${parts.join('  ').trimEnd()}${channel === undefined ? '' : dim(`  on ${channel}`)}`
  }

  #summaryLine({ sent, received, bytes, rtt_us, lost, duration_ms }: Summary): string {
    const { bold, dim, green, red } = this.#options.paint
    const seconds = Math.max(duration_ms, 1) / 1000
    const rate = sent + received > 100 ? dim(`, ${formatCount((sent + received) / seconds)} frames/s`) : ''
    const mark = lost > 0 ? red('✗') : green('✓')
    const counts = `${plural(sent, 'frame')} sent, ${received} received, ${formatSize(bytes)}`
    const answers = rtt_us
      ? `, round trip ${formatDuration(rtt_us.p50 / 1000)}${dim(` (p90 ${formatDuration(rtt_us.p90 / 1000)}, p99 ${formatDuration(rtt_us.p99 / 1000)})`)}`
      : ''
    const missing = lost > 0 ? `, ${red(`${lost} unanswered`)}` : ''
    return `${mark} ${bold(counts)}${answers}${missing} ${dim(`in ${formatDuration(duration_ms)}`)}${rate}`
  }
}

/** `seq=7 payload=0x6869`, long values cut. */
export function formatFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => `${name}=${brief(value)}`)
    .join(' ')
}

function brief(value: unknown): string {
  if (typeof value === 'string') {
    if (!value.startsWith('0x')) return /[\s"=]/.test(value) ? JSON.stringify(value) : value
    const size = (value.length - 2) / 2
    return size > SHOWN ? `${value.slice(0, 2 + 2 * SHOWN)}..(${formatSize(size)})` : value
  }
  const text = jsonLine(value)
  return text.length > 200 ? `${text.slice(0, 200)}..` : text
}

function isEmpty(value: unknown): boolean {
  return value === '0x' || value === '' || (Array.isArray(value) && value.length === 0)
}

/** Bytes of a field that a person is shown. */
const SHOWN = 32
