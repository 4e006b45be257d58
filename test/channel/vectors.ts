// The known answers about pieces of messages in test/vectors/vstp.json.

import { readFileSync } from 'node:fs'

export interface Step {
  readonly data: string
  readonly from: string
  readonly id: number
  readonly index: number
  readonly total: number
  readonly result: 'pending' | { readonly complete?: string; readonly error?: string }
  readonly sessions_after: number
}

interface Vectors {
  readonly reassembly: readonly { readonly name: string; readonly steps?: readonly Step[] }[]
  readonly fragment_payload: readonly {
    readonly n: number
    readonly pieces: number
    readonly last_len: number | null
    readonly joined_sha256: string
  }[]
  readonly interop_fragments: {
    readonly buffer: { readonly pattern_len: number; readonly sha256: string }
    readonly datagrams: readonly { readonly index: number; readonly wire: string }[]
  }
}

export const vectors: Vectors = JSON.parse(readFileSync(new URL('../vectors/vstp.json', import.meta.url), 'utf8'))
