// The class that implements `Codec`: it chooses the frame, owns the flyweights, and turns what decoding throws into
// `needs` and `failure`.
import {
  type ClassDeclarationStructure,
  type CodeBlockWriter,
  type MethodDeclarationStructure,
  type OptionalKind,
  Scope,
  StructureKind,
} from 'ts-morph'
import type { Frame, Protocol } from '../model/model.ts'
import { frameClass, openSealOf } from './decode-frame.ts'
import {
  asked,
  type Choice,
  candidates,
  choiceOf,
  chooseMethod,
  fixedScope,
  type Outcome,
  reachOf,
  writeChoice,
} from './decode-select.ts'
import type { Statements } from './file.ts'
import { camel, codecName, frameTypeName } from './names.ts'
import { quote } from './naming.ts'
import { endText } from './position.ts'
import { preludes, render } from './statements.ts'
import type { Unit } from './unit.ts'

type Method = OptionalKind<MethodDeclarationStructure>

export function codecClass(unit: Unit): Statements[] {
  const { protocol } = unit
  const frames = [...protocol.frames.values()]
  const choice = choiceOf(protocol)
  const covers = coversConstant(unit)
  const statements: Statements[] = []
  const member = members(protocol)
  const chosen = chooseOne(unit, choice, member)
  let envelope: string | undefined
  if (protocol.envelope && /refuseFrame|envelopeReader/.test(chosen.text)) {
    envelope = unit.claim(`${codecName(protocol).slice(0, -5)}Envelope`)
    statements.push(
      frameClass(unit, {
        className: envelope,
        body: protocol.envelope,
        frame: undefined,
        ...(choice.fixed
          ? {}
          : {
              more: scope => [
                {
                  name: 'chooseFrame',
                  parameters: [
                    { name: 'input', type: 'Input' },
                    ...(choice.bound ? [{ name: 'choice', type: unit.use('FrameChoice') }] : []),
                  ],
                  returnType: 'number',
                  docs: [
                    'Index of the frame that these bytes are; -1 when none fits, -2 when one would in another state or direction.',
                  ],
                  statements: preludes(
                    chooseMethod(unit, scope, choice, (writer, group, members) =>
                      openSealOf(unit, scope, writer, group, members),
                    ).replaceAll('this.choice', 'choice'),
                    'input',
                  ),
                },
              ],
            }),
      }),
    )
  }
  unit.use('Input')
  const codec: ClassDeclarationStructure = {
    kind: StructureKind.Class,
    isExported: true,
    name: codecName(protocol),
    implements: [unit.use('Codec')],
    docs: [
      `Every frame of ${protocol.name}. Its readers are borrowed: each is used again for the next frame of its kind.`,
    ],
    properties: [
      {
        name: 'frameNames',
        isReadonly: true,
        type: 'readonly string[]',
        initializer: `[${frames.map(frame => quote(frame.name)).join(', ')}]`,
      },
      { name: 'context', type: unit.use('Context') },
      { name: 'needs', initializer: '0' },
      { name: 'failure', type: `${unit.use('Malformed')} | undefined`, initializer: 'undefined' },
      { name: 'input', scope: Scope.Private, isReadonly: true, initializer: `new Input(${covers})` },
      ...(choice.bound
        ? [
            {
              name: 'choice',
              scope: Scope.Private,
              isReadonly: true,
              initializer: `new ${unit.use('FrameChoice')}(${rules(unit, choice)})`,
            },
          ]
        : []),
      ...frames.map(frame => ({
        name: member.get(frame)!,
        scope: Scope.Private,
        isReadonly: true,
        initializer: `new ${frameTypeName(protocol, frame.name)}Reader(this.input)`,
      })),
      ...(envelope
        ? [
            {
              name: 'envelopeReader',
              scope: Scope.Private,
              isReadonly: true,
              initializer: `new ${envelope}(this.input)`,
            },
          ]
        : []),
    ],
    ctors: [
      {
        parameters: [{ name: 'context', type: unit.use('Context'), initializer: unit.use('NO_CONTEXT') }],
        statements: ['this.context = context'],
      },
    ],
    methods: [
      decodeMethod(unit),
      ...encodeMethods(unit, covers !== ''),
      chosen.method,
      ...namedMethod(unit, member),
      ...(/refuseFrame/.test(chosen.text) ? unknownMethod(envelope) : []),
    ],
  }
  return [...statements, codec]
}

function decodeMethod(unit: Unit): Method {
  unit.use('Reader')
  return {
    name: 'decode',
    parameters: [
      { name: 'bytes', type: 'Uint8Array' },
      { name: 'start', type: 'number' },
      { name: 'end', type: 'number' },
      { name: 'options', type: unit.use('DecodeOptions') },
    ],
    returnType: 'Reader | undefined',
    statements: render(writer => {
      writer.writeLine('const { input } = this')
      writer.writeLine('this.needs = 0')
      writer.writeLine('this.failure = undefined')
      writer.writeLine('input.begin(bytes, start, end, options, this.context)')
      writer.write('try ').inlineBlock(() => {
        writer.writeLine(
          'return options.frame === undefined ? this.decodeAny(input) : this.decodeAs(options.frame, input)',
        )
      })
      writer.write(' catch (fault) ').block(() => {
        writer.writeLine('input.leave()')
        writer.writeLine(`if (fault === ${unit.use('NEEDS')}) this.needs = input.needs`)
        writer.writeLine('else this.failure = input.failureOf(fault)')
        writer.writeLine('return undefined')
      })
    }),
  }
}

function encodeMethods(unit: Unit, covers: boolean): Method[] {
  const frames = [...unit.protocol.frames.values()]
  const parameters = [
    { name: 'frame', type: 'string' },
    { name: 'value', type: 'object' },
  ]
  const cases = (writer: CodeBlockWriter, call: (name: string) => string): void => {
    writer.write('switch (frame)').block(() => {
      for (const frame of frames) {
        const name = frameTypeName(unit.protocol, frame.name)
        unit.shape(`${name}Input`)
        writer.writeLine(`case ${quote(frame.name)}:`).indent(() => writer.writeLine(`return ${call(name)}`))
      }
      writer
        .writeLine('default:')
        .indent(() =>
          writer.writeLine(`throw ${unit.use('noSuchFrame')}('${unit.protocol.name}', frame, this.frameNames)`),
        )
    })
  }
  const guarded = (write: (writer: CodeBlockWriter) => void): string =>
    render(writer => {
      if (!covers) return write(writer)
      writer.write('try ').inlineBlock(() => write(writer))
      writer.write(' catch (fault) ').block(() => writer.writeLine(`throw ${unit.use('coveredError')}(fault, COVERS)`))
    })
  return [
    {
      name: 'sizeOf',
      parameters,
      returnType: 'number',
      statements: guarded(writer =>
        cases(
          writer,
          name => `sizeOf${name}(value as ${name}Input${unit.usesContext(`sizeOf${name}`) ? ', this.context' : ''})`,
        ),
      ),
    },
    {
      name: 'encode',
      parameters: [...parameters, { name: 'into', type: 'Uint8Array' }, { name: 'at', type: 'number' }],
      returnType: 'number',
      statements: guarded(writer =>
        cases(
          writer,
          name =>
            `encode${name}(value as ${name}Input, into, at${unit.usesContext(`encode${name}`) ? ', this.context' : ''})`,
        ),
      ),
    },
  ]
}

/** Chooses by the envelope and decodes. */
function chooseOne(
  unit: Unit,
  choice: Choice,
  member: ReadonlyMap<Frame, string>,
): { readonly method: Method; readonly text: string } {
  const chosen = (frame: Frame): string => `return this.${member.get(frame)}.decodeBytes(input)`
  const outcome: Outcome = { chosen, none: wrong => `return this.refuseFrame(input, ${wrong})` }
  const text = render(writer => {
    if (choice.bound) writer.writeLine('this.choice.update(input.context)')
    if (choice.tagged.length === 0) {
      const none = { ...outcome, none: () => "throw input.refuse('WrongState', input.start, '')", careless: true }
      if (choice.bare.length === 0) writer.writeLine("throw input.refuse('UnknownFrame', input.start, '')")
      else candidates(fixedScope(unit, choice), writer, choice, choice.bare, none)
      return
    }
    if (choice.bare.length > 0 && choice.bound) {
      writer.write('if (this.choice.onlyBare) ').block(() => {
        candidates(fixedScope(unit, choice), writer, choice, choice.bare, {
          ...outcome,
          none: () => '',
          careless: true,
        })
      })
    }
    if (!choice.fixed) {
      writer.writeLine(`const index = this.envelopeReader.chooseFrame(input${choice.bound ? ', this.choice' : ''})`)
      writer.write('switch (index)').block(() => {
        for (const frame of choice.tagged)
          writer.writeLine(`case ${frame.index}:`).indent(() => writer.writeLine(chosen(frame)))
        writer.writeLine('default:').indent(() => writer.writeLine('return this.refuseFrame(input, index === -2)'))
      })
      return
    }
    const scope = fixedScope(unit, choice)
    const last = choice.selectors.at(-1)
    if (last) {
      const behind = choice.bound ? 'at + this.choice.reach' : endText(scope.slot(last).end)
      writer.write(`if (${behind} > input.have) `).block(() => {
        writer.writeLine('if (!input.stream) return this.refuseFrame(input, false)')
        const id = choice.selectors.find(field => field.isId)
        if (id) {
          const end = endText(scope.slot(id).end)
          const numbered = choice.tagged.filter(frame => frame.ids.length > 0)
          writer.writeLine(`if (${asked(numbered)}${end} > input.have) input.want(${end})`)
        }
      })
    }
    writeChoice(scope, writer, choice, outcome)
  })
  const method: Method = {
    name: 'decodeAny',
    scope: Scope.Private,
    parameters: [{ name: 'input', type: 'Input' }],
    returnType: 'Reader',
    statements: preludes(text, 'input'),
  }
  return { method, text }
}

function namedMethod(unit: Unit, member: ReadonlyMap<Frame, string>): Method[] {
  return [
    {
      name: 'decodeAs',
      scope: Scope.Private,
      parameters: [
        { name: 'frame', type: 'string' },
        { name: 'input', type: 'Input' },
      ],
      returnType: 'Reader',
      statements: render(writer => {
        writer.write('switch (frame)').block(() => {
          for (const [frame, name] of member) {
            writer
              .writeLine(`case ${quote(frame.name)}:`)
              .indent(() => writer.writeLine(`return this.${name}.decodeBytes(input)`))
          }
          writer
            .writeLine('default:')
            .indent(() =>
              writer.writeLine(`throw ${unit.use('noSuchFrame')}('${unit.protocol.name}', frame, this.frameNames)`),
            )
        })
      }),
    },
  ]
}

/** No frame fits: the envelope alone is validated, and says so when the id is due. */
function unknownMethod(envelope: string | undefined): Method[] {
  if (!envelope) return []
  return [
    {
      name: 'refuseFrame',
      scope: Scope.Private,
      parameters: [
        { name: 'input', type: 'Input' },
        { name: 'wrongState', type: 'boolean' },
      ],
      returnType: 'Reader',
      statements: ['input.unfitting(wrongState)', 'return this.envelopeReader.decodeBytes(input)'],
    },
  ]
}

function coversConstant(unit: Unit): string {
  const { covers } = unit.protocol
  if (covers.size === 0) return ''
  const text = `{ ${[...covers].map(([code, name]) => `${code}: ${quote(name)}`).join(', ')} }`
  return unit.constant('COVERS', text)
}

function members(protocol: Protocol): ReadonlyMap<Frame, string> {
  return new Map(
    [...protocol.frames.values()].map(frame => [frame, `${camel(frameTypeName(protocol, frame.name))}Reader`]),
  )
}

/** Direction and state of every frame, with every pair of roles that may be meant. */
function rules(unit: Unit, choice: Choice): string {
  const { protocol } = unit
  const scope = protocol.envelope && choice.fixed && choice.tagged.length > 0 ? fixedScope(unit, choice) : undefined
  const lines = [...protocol.frames.values()].map(frame => {
    const dirs = [...new Set(frame.dirs.flatMap(dir => pairs(protocol, dir.sender, dir.receiver)))]
    const orElse = frame.matchElse && frame.ids.length === 0 ? ', orElse: true' : ''
    const reach = reachOf(choice, frame, scope)
    return `{ bare: ${frame.bare}${orElse}, reach: ${reach}, states: [${frame.states.map(quote).join(', ')}], dirs: [${dirs.map(quote).join(', ')}] }`
  })
  return unit.constant('FRAME_RULES', `[\n  ${lines.join(',\n  ')},\n]`)
}

function pairs(protocol: Protocol, sender: string, receiver: string): string[] {
  const names = (role: string): string[] => {
    const all = new Set([...protocol.roles.keys(), role])
    return [...all].filter(other => meet(protocol, role, other))
  }
  return names(sender).flatMap(a => names(receiver).map(b => `${a}>${b}`))
}

/** Whether one role is, or counts as, the other. */
function meet(protocol: Protocol, a: string, b: string): boolean {
  const countsAs = (name: string): string[] => {
    const role = protocol.roles.get(name)
    const wider = [...protocol.roles.values()].filter(other => other.anyOf.includes(name)).map(other => other.name)
    return role?.kind === undefined ? [name, ...wider] : [name, role.kind, ...wider]
  }
  return countsAs(a).includes(b) || countsAs(b).includes(a)
}
