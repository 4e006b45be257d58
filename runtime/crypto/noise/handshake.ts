// HandshakeState of the Noise Protocol Framework, revision 34, section 5.3: reads and writes the messages of one
// handshake. Sans-IO: secrets, ephemeral ones included, come in through the constructor; a message that does not open
// leaves the state as it was, so a forged one costs nothing but time.
import { type CryptoProvider, type Curve, TAG_LENGTH } from '../provider.ts'
import type { Suite, Token } from './pattern.ts'
import { type CipherState, SymmetricState } from './symmetric.ts'

export interface HandshakeOptions {
  readonly suite: Suite
  readonly crypto: CryptoProvider
  readonly initiator: boolean
  readonly prologue?: Uint8Array
  /** Own static secret; needed where the pattern sends or mixes it. */
  readonly static?: Uint8Array
  /** Own ephemeral secret: fresh random bytes, used for one handshake only. */
  readonly ephemeral?: Uint8Array
  readonly remoteStatic?: Uint8Array
  /** Only for fallback patterns, where the peer's ephemeral key came in the failed message. */
  readonly remoteEphemeral?: Uint8Array
  /** One 32-byte key for each psk modifier, in order. */
  readonly psks?: readonly Uint8Array[]
  /** Accept an all-zero Diffie-Hellman result. Only for profiles that reproduce a peer which does. */
  readonly acceptZero?: boolean
}

interface KeyPair {
  readonly secret: Uint8Array
  readonly public: Uint8Array
}

/** Why a message was refused. */
export type Refusal = 'Truncated' | 'OpenFailed' | 'ZeroSharedSecret' | 'OutOfTurn'

export class NoiseHandshake {
  readonly #options: HandshakeOptions
  readonly #symmetric: SymmetricState
  readonly #curve: Curve
  readonly #static: KeyPair | undefined
  readonly #ephemeral: KeyPair | undefined
  #remoteStatic: Uint8Array | undefined
  #remoteEphemeral: Uint8Array | undefined
  #message = 0
  #psk = 0
  #failure: Refusal | undefined

  constructor(options: HandshakeOptions) {
    const { suite, crypto, initiator } = options
    const { pattern } = suite
    this.#options = options
    this.#curve = crypto.curve(suite.curve)
    this.#symmetric = new SymmetricState(suite, crypto)
    this.#static = options.static && this.#pair(options.static)
    this.#ephemeral = options.ephemeral && this.#pair(options.ephemeral)
    this.#remoteStatic = options.remoteStatic
    this.#remoteEphemeral = options.remoteEphemeral
    if ((options.psks?.length ?? 0) !== pattern.psks)
      throw new RangeError(
        `${suite.protocolName} needs ${pattern.psks} pre-shared keys, got ${options.psks?.length ?? 0}`,
      )
    for (const psk of options.psks ?? [])
      if (psk.length !== 32) throw new RangeError(`a pre-shared key has 32 bytes, got ${psk.length}`)
    this.#symmetric.mixHash(options.prologue ?? EMPTY)
    for (const token of pattern.initiatorPre) this.#mixPre(token, initiator)
    for (const token of pattern.responderPre) this.#mixPre(token, !initiator)
  }

  get finished(): boolean {
    return this.#message === this.#options.suite.pattern.messages.length
  }

  /** Whether the next message is ours to write. */
  get writes(): boolean {
    if (this.finished) return false
    const responders = (this.#message % 2 === 1) !== this.#options.suite.pattern.responderFirst
    return responders !== this.#options.initiator
  }

  get remoteStatic(): Uint8Array | undefined {
    return this.#remoteStatic
  }

  get handshakeHash(): Uint8Array {
    return this.#symmetric.handshakeHash
  }

  /** Why the last `read` returned undefined. */
  get failure(): Refusal | undefined {
    return this.#failure
  }

  /** Bytes that the next message adds to its payload. */
  get overhead(): number {
    let keyed = this.#symmetric.cipher.hasKey
    let size = 0
    for (const token of this.#tokens()) {
      if (token === 'e') size += this.#curve.length
      if (token === 's') size += this.#curve.length + (keyed ? TAG_LENGTH : 0)
      if (token.length === 2 || token === 'psk' || (token === 'e' && this.#options.suite.pattern.psks > 0)) keyed = true
    }
    return size + (keyed ? TAG_LENGTH : 0)
  }

  /** Writes the next message around the payload. Throws when it is not our turn or a key is missing. */
  write(payload: Uint8Array): Uint8Array {
    if (!this.writes) throw new TypeError(this.finished ? 'the handshake is finished' : 'it is the turn of the peer')
    const parts: Uint8Array[] = []
    for (const token of this.#tokens()) {
      if (token === 'e') {
        const { public: key } = this.#own('e')
        parts.push(key)
        this.#mixEphemeral(key)
      } else if (token === 's') {
        parts.push(this.#symmetric.encryptAndHash(this.#own('s').public))
      } else if (!this.#mix(token)) {
        this.#failure = 'ZeroSharedSecret'
        throw new RangeError('the shared secret is all zero: the key of the peer is not valid')
      }
    }
    parts.push(this.#symmetric.encryptAndHash(payload))
    this.#message++
    return join(parts)
  }

  /** Reads the next message and returns its payload; undefined when it is refused, with the reason in `failure`. */
  read(message: Uint8Array): Uint8Array | undefined {
    this.#failure = undefined
    if (this.finished || this.writes) return this.#refuse('OutOfTurn', undefined)
    const restore = this.#snapshot()
    let at = 0
    for (const token of this.#tokens()) {
      if (token === 'e') {
        if (message.length < at + this.#curve.length) return this.#refuse('Truncated', restore)
        this.#remoteEphemeral = message.slice(at, at + this.#curve.length)
        at += this.#curve.length
        this.#mixEphemeral(this.#remoteEphemeral)
      } else if (token === 's') {
        const size = this.#curve.length + (this.#symmetric.cipher.hasKey ? TAG_LENGTH : 0)
        if (message.length < at + size) return this.#refuse('Truncated', restore)
        this.#remoteStatic = this.#symmetric.decryptAndHash(message.subarray(at, at + size))
        if (!this.#remoteStatic) return this.#refuse('OpenFailed', restore)
        at += size
      } else if (!this.#mix(token)) {
        return this.#refuse('ZeroSharedSecret', restore)
      }
    }
    const payload = this.#symmetric.decryptAndHash(message.subarray(at))
    if (!payload) return this.#refuse('OpenFailed', restore)
    this.#message++
    return payload
  }

  /** The transport ciphers once finished: what we send with and what we receive with. */
  split(): { send: CipherState; receive: CipherState } {
    if (!this.finished) throw new TypeError('the handshake is not finished')
    const [first, second] = this.#symmetric.split()
    return this.#options.initiator ? { send: first, receive: second } : { send: second, receive: first }
  }

  /** Overwrites the ephemeral and static secrets held here. */
  destroy(): void {
    this.#static?.secret.fill(0)
    this.#ephemeral?.secret.fill(0)
    this.#symmetric.cipher.destroy()
  }

  #tokens(): readonly Token[] {
    return this.#options.suite.pattern.messages[this.#message] ?? []
  }

  #pair(secret: Uint8Array): KeyPair {
    return { secret: Uint8Array.from(secret), public: this.#curve.publicKey(secret) }
  }

  #own(token: 'e' | 's'): KeyPair {
    const pair = token === 'e' ? this.#ephemeral : this.#static
    if (!pair)
      throw new TypeError(`${this.#options.suite.protocolName} needs our ${token === 'e' ? 'ephemeral' : 'static'} key`)
    return pair
  }

  #mixPre(token: 'e' | 's', own: boolean): void {
    const key = own ? this.#own(token).public : token === 'e' ? this.#remoteEphemeral : this.#remoteStatic
    if (!key)
      throw new TypeError(
        `${this.#options.suite.protocolName} needs the ${token === 'e' ? 'ephemeral' : 'static'} key of the peer beforehand`,
      )
    if (token === 'e') this.#mixEphemeral(key)
    else this.#symmetric.mixHash(key)
  }

  // Section 9.2: with pre-shared keys an ephemeral key is also mixed into the chaining key.
  #mixEphemeral(key: Uint8Array): void {
    this.#symmetric.mixHash(key)
    if (this.#options.suite.pattern.psks > 0) this.#symmetric.mixKey(key)
  }

  #mix(token: Token): boolean {
    if (token === 'psk') {
      this.#symmetric.mixKeyAndHash(this.#options.psks![this.#psk++]!)
      return true
    }
    // The first letter is the initiator's key, the second the responder's.
    const [first, second] = token as 'es'
    const [mine, theirs] = (this.#options.initiator ? [first, second] : [second, first]) as ['e' | 's', 'e' | 's']
    const remote = theirs === 'e' ? this.#remoteEphemeral : this.#remoteStatic
    if (!remote)
      throw new TypeError(
        `${this.#options.suite.protocolName} needs the ${theirs === 'e' ? 'ephemeral' : 'static'} key of the peer`,
      )
    const shared = this.#curve.shared(this.#own(mine).secret, remote)
    if (!this.#options.acceptZero && shared.every(byte => byte === 0)) return false
    this.#symmetric.mixKey(shared)
    shared.fill(0)
    return true
  }

  #snapshot(): () => void {
    const restore = this.#symmetric.snapshot()
    const { remoteStatic, remoteEphemeral, psk } = {
      remoteStatic: this.#remoteStatic,
      remoteEphemeral: this.#remoteEphemeral,
      psk: this.#psk,
    }
    return () => {
      restore()
      this.#remoteStatic = remoteStatic
      this.#remoteEphemeral = remoteEphemeral
      this.#psk = psk
    }
  }

  #refuse(why: Refusal, restore: (() => void) | undefined): undefined {
    restore?.()
    this.#failure = why
    return undefined
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

const EMPTY = new Uint8Array(0)
