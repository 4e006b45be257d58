// Cryptography that counts its Diffie-Hellman operations.
import { node } from '../../../runtime/crypto/node.ts'
import type { CryptoProvider } from '../../../runtime/crypto/provider.ts'

export function counted(): { readonly crypto: CryptoProvider; readonly count: { shared: number } } {
  const count = { shared: 0 }
  const curve: CryptoProvider['curve'] = name => {
    const inner = node.curve(name)
    const shared = (secret: Uint8Array, key: Uint8Array): Uint8Array => {
      count.shared++
      return inner.shared(secret, key)
    }
    return { length: inner.length, publicKey: secret => inner.publicKey(secret), shared }
  }
  return { crypto: { ...node, curve }, count }
}
