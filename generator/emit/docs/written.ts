// Sections that are shown as the schema writes them: seals, and the parts of a handshake that are no table.

import type { Protocol } from '../../model/model.ts'
import type { Behaviour } from '../../normalize/behaviour.ts'
import { bullets, code, section } from './markdown.ts'

export function writtenSections(protocol: Protocol, behaviour: Behaviour): string[] {
  const seals = mapOf(protocol.document.seal)
  const { service } = behaviour
  return [
    ...section(
      2,
      'Seals',
      Object.entries(seals).flatMap(([name, seal]) => section(3, `Seal ${name}`, lines(mapOf(seal)))),
    ),
    ...section(2, 'Service', service ? [`The runtime runs: ${service.kind}.`, '', ...lines(service.data)] : []),
  ]
}

/** Keys of the handshake, less those that are said in words. */
export function handshakeLines(protocol: Protocol): string[] {
  const handshake = mapOf(protocol.document.handshake)
  const keys = Object.keys(handshake).filter(key => handshake[key] !== null && !IN_WORDS.includes(key))
  return keys.map(key => line(key, handshake[key]))
}

function lines(map: Readonly<Record<string, unknown>>): string[] {
  const present = Object.entries(map).filter(([, value]) => value !== undefined && value !== null)
  return bullets(present.map(([key, value]) => line(key, value)))
}

function line(key: string, value: unknown): string {
  return `${key}: ${code(flow(value))}`
}

/** YAML's flow style, without quotes where the value needs none. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(flow).join(', ')} ]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    return `{ ${entries.map(([key, item]) => `${key}: ${flow(item)}`).join(', ')} }`
  }
  return String(value).replaceAll('`', "'")
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

const IN_WORDS: readonly string[] = ['transport', 'tls', 'timeout']
