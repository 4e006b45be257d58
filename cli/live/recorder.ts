// `--record`: every frame of a run as JSON lines, with its bytes, for `proto replay`.

import { createWriteStream, type WriteStream } from 'node:fs'
import type { Reader } from '../../runtime/wire/codec.ts'
import { toHex } from '../input/bytes.ts'
import { jsonLine } from '../output/json.ts'

/** First line of a recording. */
export interface RecordingHead {
  readonly recording: 1
  /** The schema, as it was given. */
  readonly schema: string
  readonly profile?: string
  /** ISO 8601. */
  readonly started: string
}

/** Every other line. */
export interface RecordedFrame {
  /** Milliseconds since the start. */
  readonly t: number
  readonly dir: 'in' | 'out'
  readonly peer: string
  readonly frame: string
  /** The frame without framing, `0x..`. */
  readonly bytes: string
}

export class Recorder {
  readonly #file: WriteStream
  readonly #start = performance.now()
  #failed: Error | undefined

  constructor(path: string, head: Omit<RecordingHead, 'recording' | 'started'>) {
    this.#file = createWriteStream(path, { mode: 0o600 })
    this.#file.on('error', error => {
      this.#failed ??= error
    })
    this.#write({ recording: 1, ...head, started: new Date().toISOString() })
  }

  frame(dir: 'in' | 'out', peer: string, { frameName, byteSource, byteStart, byteEnd }: Reader): void {
    const t = Math.round((performance.now() - this.#start) * 1000) / 1000
    this.#write({ t, dir, peer, frame: frameName, bytes: `0x${toHex(byteSource.subarray(byteStart, byteEnd))}` })
  }

  /** Settles when everything is in the file; rejects when something could not be written. */
  async close(): Promise<void> {
    await new Promise<void>(done => this.#file.end(done))
    if (this.#failed) throw this.#failed
  }

  #write(line: object): void {
    if (!this.#failed) this.#file.write(`${jsonLine(line)}\n`)
  }
}
