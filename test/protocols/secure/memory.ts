// Memory in use, when everything that is over has been swept up.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of objects and of buffers. */
export function bytesInUse(): { readonly all: number; readonly buffers: number } {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (let i = 0; i < 2; i++) gc()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return { all: heapUsed + external, buffers: arrayBuffers }
}
