// A packet number from the low bits that travel (RFC 9000 appendix A.3): the number nearest to the highest that opened.

/** `number` holds the low `size` bytes (1 to 7) and becomes the whole number nearest to `nearHi * 2^32 + nearLo`. */
export function widen(number: { hi: number; lo: number }, size: number, nearHi: number, nearLo: number): void {
  if (size === 4) widenWord(number, nearHi, nearLo)
  else if (size < 4) widenLow(number, 2 ** (8 * size), nearHi, nearLo)
  else widenHigh(number, 2 ** (8 * size - 32), nearHi, nearLo)
}

/** The usual one: a signed difference of 32 bits is the way to the nearest. */
function widenWord(number: { hi: number; lo: number }, nearHi: number, nearLo: number): void {
  const { lo } = number
  const ahead = (lo - nearLo) | 0
  // Over the edge of a word, up or down; nothing is below zero.
  if (ahead >= 0) number.hi = lo >= nearLo ? nearHi : nearHi + 1
  else number.hi = lo <= nearLo || nearHi === 0 ? nearHi : nearHi - 1
}

function widenLow(number: { hi: number; lo: number }, range: number, nearHi: number, nearLo: number): void {
  let ahead = (number.lo - nearLo) % range
  if (ahead >= range / 2) ahead -= range
  else if (ahead < -range / 2) ahead += range
  // Nothing is below zero.
  if (nearHi === 0 && nearLo + ahead < 0) ahead += range
  const lo = nearLo + ahead
  number.hi = nearHi + Math.floor(lo / WORD)
  number.lo = lo >>> 0
}

/** The lower word is known: it decides only between two neighbours of the upper one. */
function widenHigh(number: { hi: number; lo: number }, range: number, nearHi: number, nearLo: number): void {
  let ahead = (number.hi - nearHi) % range
  if (ahead < 0) ahead += range
  // By halves and not by one number: those of 56 bits are not exact.
  const isFar = ahead > range / 2 || (ahead === range / 2 && number.lo >= nearLo)
  if (isFar && nearHi + ahead >= range) ahead -= range
  number.hi = nearHi + ahead
}

const WORD = 0x1_0000_0000
