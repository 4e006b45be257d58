// Which crypto provider is used: the accelerator's, node:crypto, @noble, in this order, unless somebody says otherwise.

import { LocalError } from '../core/errors.ts'
import { nativeProvider } from '../crypto/native.ts'
import { noble } from '../crypto/noble.ts'
import { node } from '../crypto/node.ts'
import type { CryptoProvider } from '../crypto/provider.ts'
import type { NativeAddon } from './addon.ts'
import { native } from './load.ts'

export type ProviderName = CryptoProvider['name']

/** All that can be asked for, the preferred first. */
export const PROVIDERS: readonly ProviderName[] = ['native', 'node', 'noble']

/** The provider of that name, or the best that is here. Throws LocalError BadOption for one that is not here. */
export function chooseProvider(name: string | undefined = preferred): CryptoProvider {
  const { addon, reason } = native()
  switch (name) {
    case undefined:
      return addon === undefined ? node : of(addon)
    case 'native':
      if (addon === undefined)
        throw new LocalError('BadOption', `the crypto provider "native" is not available: ${reason}`)
      return of(addon)
    case 'node':
      return node
    case 'noble':
      return noble
    default:
      throw new LocalError('BadOption', `there is no crypto provider "${name}"; there are ${PROVIDERS.join(', ')}`)
  }
}

/** What `chooseProvider()` gives from now on in this thread; undefined: the best. Throws as it does. */
export function preferProvider(name: string | undefined): void {
  if (name !== undefined) chooseProvider(name)
  preferred = name
}

let preferred: string | undefined
const made = new WeakMap<NativeAddon, CryptoProvider>()

function of(addon: NativeAddon): CryptoProvider {
  let provider = made.get(addon)
  if (provider === undefined) {
    provider = nativeProvider(addon)
    made.set(addon, provider)
  }
  return provider
}
