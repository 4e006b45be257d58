// Keys of one batch come from one provider, because only it knows its handles.

import { LocalError } from '../../core/errors.ts'
import type { AeadRows } from '../batch.ts'
import type { CryptoProvider } from '../provider.ts'

export function oneProvider(rows: AeadRows, known: CryptoProvider | undefined, next: CryptoProvider): CryptoProvider {
  if (rows.count > 0 && known !== next)
    throw new LocalError('WrongState', `one batch holds keys of ${known?.name} and of ${next.name}: use one for each`)
  return next
}
