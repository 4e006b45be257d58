// Run in a network of its own whose packets are smaller than ours: runs of short datagrams, then of long ones that the kernel
// will not cut, then short ones again. Prints what arrived.
import { bindDatagram, datagramLink, dialDatagram } from '../../runtime/drivers/udp.ts'
import type { NativeUdpSocket } from '../../runtime/drivers/udp-native.ts'
import { OPTIONS } from '../../runtime/native/addon.ts'
import { Recorder, TRANSPORT, until } from './recorder.ts'

const [server, client] = [new Recorder(), new Recorder()]
const bound = await bindDatagram({ host: '127.0.0.1', port: 0 }, TRANSPORT)
const listening = datagramLink(bound, server)
const dialled = (await dialDatagram({ host: '127.0.0.1', port: bound.port }, TRANSPORT)) as NativeUdpSocket
const link = datagramLink(dialled, client)
const sizes = [200, 1400, 1400, 200]
for (const [i, size] of sizes.entries()) {
  for (let n = 0; n < 40; n++) client.send(dialled.peer as string, new Uint8Array(size).fill(i * 40 + n))
  link.soon()
  await until(() => server.seen.length === (i + 1) * 40)
}
const wrong = server.seen.filter(
  ({ bytes }, i) => bytes.length !== sizes[Math.floor(i / 40)] || bytes.some(b => b !== i),
)
const option = (which: number): number => dialled.sockets.optionOf(dialled.handle, which, 0)
const told = {
  received: server.seen.length,
  wrong: wrong.length,
  gsoBelow: option(OPTIONS.gsoBelow),
  hasGso: option(OPTIONS.hasGso),
}
process.stdout.write(JSON.stringify(told))
link.destroy()
listening.destroy()
