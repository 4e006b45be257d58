// The codecs that are compared, each loaded only in its own process.
import type { Subject } from '../messages.ts'

export const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  generated: async () => (await import('./generated.ts')).subject,
  hand: async () => (await import('./hand.ts')).subject,
  'protobuf-es': async () => (await import('./protobuf.ts')).protobufEs,
  protobufjs: async () => (await import('./protobuf.ts')).protobufJs,
  flatbuffers: async () => (await import('./flatbuffers.ts')).subject,
  msgpackr: async () => (await import('./self-describing.ts')).msgpackr,
  'cbor-x': async () => (await import('./self-describing.ts')).cborx,
  avsc: async () => (await import('./avsc.ts')).subject,
  'binary-parser': async () => (await import('./binary-parser.ts')).subject,
  json: async () => (await import('./json.ts')).subject,
}
