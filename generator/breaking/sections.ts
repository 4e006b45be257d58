// The sections about behaviour of two versions of a schema, as far as two peers must agree on them: version, transports,
// handshake, seals, channels, replies, params.

import type { Place, Protocol } from '../model/model.ts'
import type { Note } from './breaking.ts'

export function compareSections(before: Protocol, after: Protocol, note: Note): void {
  const place: Place = { file: after.file, line: 1, column: 1 }
  if (before.name !== after.name)
    note('source', 'name', place, `the protocol ${before.name} is now called ${after.name}`)
  transports(before, after, place, note)
  for (const key of ['handshake', 'seal', 'channel_header']) agreed(key, before, after, place, note)
  channels(before, after, place, note)
  for (const name of goneFrom(before, after, 'replies'))
    note('wire', 'removed', place, `replies.${name} is gone: requests of an old peer get no answer`)
  for (const param of after.params.values()) {
    if (before.params.has(param.name) || param.fallback) continue
    note('source', 'param', param.place, `param ${param.name} is new and has no default`)
  }
  for (const param of before.params.values())
    if (!after.params.has(param.name)) note('source', 'param', place, `param ${param.name} is gone`)
}

function transports(before: Protocol, after: Protocol, place: Place, note: Note): void {
  const [old, now] = [section(before, 'transports'), section(after, 'transports')]
  for (const [kind, was] of Object.entries(old)) {
    const is = now[kind]
    if (is === undefined) {
      note('wire', 'removed', place, `transport ${kind} is gone`)
      continue
    }
    for (const key of ['framing', 'trailing', 'use']) {
      const [a, b] = [valueOf(was, key), valueOf(is, key)]
      if (a !== b)
        note('wire', 'framing', place, `transports.${kind}.${key} was ${a ?? 'the default'}, is ${b ?? 'the default'}`)
    }
    const [a, b] = [valueOf(was, 'port'), valueOf(is, 'port')]
    if (a !== undefined && a !== b) note('wire', 'port', place, `transports.${kind}.port was ${a}, is ${b ?? 'none'}`)
  }
}

/** Sections in which any change but of words for people changes what two peers agree on. */
function agreed(key: string, before: Protocol, after: Protocol, place: Place, note: Note): void {
  const [old, now] = [before.document[key], after.document[key]]
  for (const path of differences(old, now, key)) {
    if (TUNING.test(path)) continue
    note('wire', key, place, `${path} was changed: peers of both versions do not agree on it`)
  }
}

function channels(before: Protocol, after: Protocol, place: Place, note: Note): void {
  const [old, now] = [section(before, 'channels'), section(after, 'channels')]
  for (const [name, was] of Object.entries(old)) {
    const is = now[name]
    if (is === undefined) note('wire', 'removed', place, `channel ${name} is gone`)
    else
      for (const key of ['id', 'delivery', 'fragment']) {
        if (differences(valueOf(was, key, true), valueOf(is, key, true), key).length > 0)
          note('wire', 'channel', place, `channels.${name}.${key} was changed`)
      }
  }
}

/** Paths at which two pieces of a document differ. */
function differences(before: unknown, after: unknown, path: string): string[] {
  if (isMap(before) && isMap(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(key => key !== 'doc')
    return keys.flatMap(key => differences(before[key], after[key], `${path}.${key}`))
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path]
}

function goneFrom(before: Protocol, after: Protocol, key: string): string[] {
  const now = section(after, key)
  return Object.keys(section(before, key)).filter(name => now[name] === undefined)
}

function section(protocol: Protocol, key: string): Readonly<Record<string, unknown>> {
  const value = protocol.document[key]
  return isMap(value) ? Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null)) : {}
}

function valueOf(map: unknown, key: string, whole: true): unknown
function valueOf(map: unknown, key: string): string | undefined
function valueOf(map: unknown, key: string, whole = false): unknown {
  const value = isMap(map) ? map[key] : undefined
  if (whole) return value
  return value === undefined || value === null ? undefined : String(value)
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What each side decides for itself. */
const TUNING =
  /^handshake(\.tls)?\.(timeout|retry|concurrent|certificate|key|verify)\b|\.(slot|rotate|when|replay|reject_after)\b/
