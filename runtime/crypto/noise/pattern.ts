// Handshake patterns of the Noise Protocol Framework, revision 34, sections 7 and 9 and appendix 18: the fundamental
// one-way and interactive patterns, the deferred ones, and the modifiers psk0..psk9 and fallback. Text in, tokens out.
import type { AeadName, CurveName, HashName } from '../provider.ts'

export type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk'

export interface Pattern {
  readonly name: string
  /** Public keys both sides know before the first message: `s` or `e` of either side. */
  readonly initiatorPre: readonly ('e' | 's')[]
  readonly responderPre: readonly ('e' | 's')[]
  /** Messages in turn, the initiator's first; with `fallback` the responder's first. */
  readonly messages: readonly (readonly Token[])[]
  /** Whether the responder sends the first of `messages`. */
  readonly responderFirst: boolean
  readonly psks: number
  readonly oneWay: boolean
}

/** Bytes of a key on the curve of a suite. */
export function keyLength(suite: Pick<Suite, 'curve'> | undefined): number {
  return suite?.curve === '448' ? 56 : 32
}

export interface Suite {
  readonly pattern: Pattern
  readonly curve: CurveName
  readonly cipher: 'AESGCM' | 'ChaChaPoly'
  readonly aead: AeadName
  readonly hash: HashName
  /** The whole name; the handshake hash begins with it. */
  readonly protocolName: string
}

/** Parses `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s`. Throws RangeError that names the part which is not known. */
export function parseProtocolName(protocolName: string): Suite {
  const parts =
    /^Noise_([A-Z0-9]+)((?:[a-z][a-z0-9]*)(?:\+[a-z][a-z0-9]*)*)?_([A-Za-z0-9]+)_([A-Za-z0-9]+)_([A-Za-z0-9]+)$/.exec(
      protocolName,
    )
  if (!parts)
    throw new RangeError(`"${protocolName}" is not a Noise protocol name such as Noise_XX_25519_AESGCM_SHA256`)
  const [, name = '', modifiers, curve = '', cipher = '', hash = ''] = parts
  if (curve !== '25519' && curve !== '448') throw new RangeError(`Noise curve "${curve}" is not 25519 or 448`)
  if (cipher !== 'AESGCM' && cipher !== 'ChaChaPoly')
    throw new RangeError(`Noise cipher "${cipher}" is not AESGCM or ChaChaPoly`)
  if (hash !== 'SHA256' && hash !== 'SHA512' && hash !== 'BLAKE2s' && hash !== 'BLAKE2b')
    throw new RangeError(`Noise hash "${hash}" is not SHA256, SHA512, BLAKE2s or BLAKE2b`)
  const aead = cipher === 'AESGCM' ? 'aes-256-gcm' : 'chacha20-poly1305'
  return { pattern: pattern(name, modifiers?.split('+') ?? []), curve, cipher, aead, hash, protocolName }
}

function pattern(name: string, modifiers: readonly string[]): Pattern {
  const text = PATTERNS[name]
  if (text === undefined)
    throw new RangeError(`Noise pattern "${name}" is not known; there are ${Object.keys(PATTERNS).join(' ')}`)
  const [pre, body] = text.includes('...') ? (text.split('...') as [string, string]) : ['', text]
  let initiatorPre = tokens(/-> ([^<]*)/.exec(pre)?.[1]) as ('e' | 's')[]
  const responderPre = tokens(/<- ([^-]*)/.exec(pre)?.[1]) as ('e' | 's')[]
  let messages = body.split(/->|<-/).slice(1).map(tokens)
  let responderFirst = false
  let psks = 0
  for (const modifier of modifiers) {
    const psk = /^psk(\d)$/.exec(modifier)
    if (psk) {
      const at = Number(psk[1])
      if (at > messages.length) throw new RangeError(`${modifier} stands behind the last message of ${name}`)
      messages = messages.map((m, i) => (at === 0 && i === 0 ? ['psk', ...m] : at === i + 1 ? [...m, 'psk'] : m))
      psks++
    } else if (modifier === 'fallback') {
      // Section 10.2: the first message, which may hold only keys, becomes a pre-message.
      const [first = [], ...rest] = messages
      if (first.some(t => t !== 'e' && t !== 's'))
        throw new RangeError(`${name} cannot be a fallback: its first message holds more than public keys`)
      initiatorPre = [...initiatorPre, ...(first as ('e' | 's')[])]
      messages = rest
      responderFirst = true
    } else {
      throw new RangeError(`Noise modifier "${modifier}" is not psk0..psk9 or fallback`)
    }
  }
  return { name, initiatorPre, responderPre, messages, responderFirst, psks, oneWay: name.length === 1 }
}

function tokens(text: string | undefined): Token[] {
  return (text ?? '')
    .trim()
    .split(/[\s,]+/)
    .filter(t => t !== '') as Token[]
}

/** Section 7.4 and 7.5, appendix 18.1. `...` ends the pre-messages. */
const PATTERNS: Readonly<Record<string, string>> = {
  N: '<- s ... -> e, es',
  K: '-> s <- s ... -> e, es, ss',
  X: '<- s ... -> e, es, s, ss',
  NN: '-> e <- e, ee',
  NK: '<- s ... -> e, es <- e, ee',
  NX: '-> e <- e, ee, s, es',
  KN: '-> s ... -> e <- e, ee, se',
  KK: '-> s <- s ... -> e, es, ss <- e, ee, se',
  KX: '-> s ... -> e <- e, ee, se, s, es',
  XN: '-> e <- e, ee -> s, se',
  XK: '<- s ... -> e, es <- e, ee -> s, se',
  XX: '-> e <- e, ee, s, es -> s, se',
  IN: '-> e, s <- e, ee, se',
  IK: '<- s ... -> e, es, s, ss <- e, ee, se',
  IX: '-> e, s <- e, ee, se, s, es',
  NK1: '<- s ... -> e <- e, ee, es',
  NX1: '-> e <- e, ee, s -> es',
  X1N: '-> e <- e, ee -> s <- se',
  X1K: '<- s ... -> e, es <- e, ee -> s <- se',
  XK1: '<- s ... -> e <- e, ee, es -> s, se',
  X1K1: '<- s ... -> e <- e, ee, es -> s <- se',
  X1X: '-> e <- e, ee, s, es -> s <- se',
  XX1: '-> e <- e, ee, s -> es, s, se',
  X1X1: '-> e <- e, ee, s -> es, s <- se',
  K1N: '-> s ... -> e <- e, ee -> se',
  K1K: '-> s <- s ... -> e, es <- e, ee -> se',
  KK1: '-> s <- s ... -> e <- e, ee, se, es',
  K1K1: '-> s <- s ... -> e <- e, ee, es -> se',
  K1X: '-> s ... -> e <- e, ee, s, es -> se',
  KX1: '-> s ... -> e <- e, ee, se, s -> es',
  K1X1: '-> s ... -> e <- e, ee, s -> se, es',
  I1N: '-> e, s <- e, ee -> se',
  I1K: '<- s ... -> e, es, s <- e, ee -> se',
  IK1: '<- s ... -> e, s <- e, ee, se, es',
  I1K1: '<- s ... -> e, s <- e, ee, es -> se',
  I1X: '-> e, s <- e, ee, s, es -> se',
  IX1: '-> e, s <- e, ee, se, s -> es',
  I1X1: '-> e, s <- e, ee, s -> se, es',
}
