// `handshake` and `seals` of a descriptor: data, and functions over a KeyScope where something is computed.

import type { Expr, Protocol } from '../../model/model.ts'
import type { Behaviour, FramePath } from '../../normalize/behaviour.ts'
import type { FrameField, ScriptData } from '../../normalize/handshake.ts'
import { fieldAt } from '../../normalize/key-expressions.ts'
import type { NoiseData } from '../../normalize/noise.ts'
import type { SealData } from '../../normalize/seals.ts'
import { quote } from '../naming.ts'
import { keyFunction, keyValue } from './key-scope.ts'
import { Code } from './literal.ts'
import { framing } from './sections.ts'
import type { DescriptorUnit } from './unit.ts'

export class Security {
  readonly #protocol: Protocol
  readonly #unit: DescriptorUnit

  constructor(protocol: Protocol, unit: DescriptorUnit) {
    this.#protocol = protocol
    this.#unit = unit
  }

  handshake({ handshake: one }: Behaviour): object | undefined {
    if (!one) return undefined
    const { transport, tls, timeout, script, unbuilt } = one
    return { transport, tls, timeout, script: script && this.#script(script), unbuilt }
  }

  seal(data: SealData): object {
    const { key, counter, rekey, probe, ...rest } = data
    const { phaseField, seenField, derive, follow, ...cadence } = rekey
    return {
      ...rest,
      key: key === 'handshake' ? key : this.#byRole(key),
      clear: data.clear.map(({ fresh, ...field }) => ({ ...field, fresh: this.#value(fresh) })),
      counter: { ...counter, field: this.#path(counter.field) },
      rekey: {
        ...cadence,
        phaseField: this.#path(phaseField),
        seenField: this.#path(seenField),
        derive: this.#function(derive),
        follow: follow.map(expr => this.#function(expr)),
      },
      probe: probe && { frame: probe.frame, field: this.#path(probe.field) },
    }
  }

  #script(data: ScriptData): object {
    const { noise, steps, keys, ids, cookie, continuation, framing: own, ...rest } = data
    return {
      noise: noise && this.#noise(noise),
      steps: steps.map(step => ({
        by: step.by,
        frame: step.frame,
        times: step.times,
        with: step.with.map(({ field, value }) => ({
          field: this.#path(field),
          value: this.#function(value, fieldAt(this.#protocol, step.frame, [field.text.split('.')[1] ?? ''])?.type),
        })),
        teaches: step.teaches.map(({ pair, field }) => ({ pair, field: this.#path(field) })),
      })),
      keys: keys.map(({ name, value }) => ({ name, value: this.#function(value) })),
      ids: ids && { ...ids, field: this.#path(ids.field) },
      cookie: cookie && {
        ...cookie,
        challenge: this.#place(cookie.challenge),
        echo: this.#place(cookie.echo),
        proof: this.#place(cookie.proof),
        over: this.#function(cookie.over),
      },
      continuation: continuation && { ...continuation, port: this.#value(continuation.port) },
      framing: own && framing(own),
      ...rest,
    }
  }

  #noise(data: NoiseData): object {
    return {
      suite: data.suite,
      prologue: this.#function(data.prologue),
      static: data.static === 'generate' ? data.static : this.#value(data.static),
      remote: this.#values(data.remote),
      accept: this.#values(data.accept),
      psk: this.#value(data.psk),
      messages: data.messages.map(place => this.#place(place)),
      payloads: data.payloads.map(({ message, struct }) => ({ message, struct: this.#struct(struct) })),
      newer: data.newer,
      fallback: data.fallback,
    }
  }

  #struct(name: string): Code {
    const own = (text: string): string => this.#unit.codecValue(text)
    const parts = `{ reader: ${own(`${name}Reader`)}, sizeOf: ${own(`sizeOf${name}`)}, encode: ${own(`encode${name}`)} }`
    return new Code(`${this.#unit.use('structCodec')}(${quote(name)}, ${parts})`)
  }

  #byRole(all: Readonly<Record<string, Expr>>): object {
    return Object.fromEntries(Object.entries(all).map(([role, expr]) => [role, this.#function(expr)]))
  }

  #values(all: Readonly<Record<string, Expr>>): object {
    return Object.fromEntries(Object.entries(all).map(([role, expr]) => [role, this.#value(expr)]))
  }

  #value(expr: Expr | undefined): Code | undefined {
    return expr && new Code(keyValue(expr, this.#protocol, this.#unit))
  }

  #place(place: FrameField | undefined): object | undefined {
    return place && { frame: place.frame, field: this.#path(place.field) }
  }

  #path(path: FramePath | undefined): Code | undefined {
    return path && new Code(this.#unit.accessor(path))
  }

  #function(expr: Expr | undefined, as?: Parameters<typeof keyFunction>[3]): Code | undefined {
    return expr && new Code(keyFunction(expr, this.#protocol, this.#unit, as))
  }
}
