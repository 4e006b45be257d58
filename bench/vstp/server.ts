// The receiving process of the comparison: a server of the generated protocol that counts frames in a typed handler.
// Ping is answered by the runtime; it is the barrier behind which all frames have been handled.
import { protocol } from '../../generated/vstp/index.ts'
import { serve } from '../../runtime/index.ts'

let frames = 0
let bytes = 0
const server = await serve(protocol, {
  listen: 'tcp://127.0.0.1:0',
  handlers: {
    Data(frame) {
      frames++
      bytes += frame.payloadLength
    },
  },
  limits: { idle: Number.POSITIVE_INFINITY },
})
process.on('message', () => process.send!({ frames, bytes }))
process.on('disconnect', () => process.exit(0))
process.send!({ port: server.addresses[0]!.port })
