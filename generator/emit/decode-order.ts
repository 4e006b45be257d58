// The order of validation (docs/adr/0002-decoding.md, "Validation"): the names in `validate`, then wire order, then hard
// `with`, then `check`. A sealed group is a wall: everything in front of it comes first, then it is opened.
import { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Group, Node, Rule } from '../model/model.ts'
import { checkField, differs, writeIf } from './decode-check.ts'
import { Layout } from './decode-layout.ts'
import type { DecodeScope, Else } from './decode-scope.ts'
import { emitExpr, wrap } from './expr.ts'
import { camel } from './names.ts'
import { className, quote } from './naming.ts'
import { byteText, endText, position } from './position.ts'
import { groupPath, pathOf } from './refusal.ts'
import { type Request, requestsOf, typeRequests } from './request.ts'

/** What a frame adds. */
export interface FrameOrder {
  /** Writes the call that opens a sealed group, and keeps in these members whether it is open and where its plain text is. */
  readonly open: (writer: CodeBlockWriter, group: Group, members: SealMembers) => void
  /** After the id field was validated. */
  readonly afterId?: ((writer: CodeBlockWriter, field: Field) => void) | undefined
}

export interface SealMembers {
  readonly open: string
  readonly at: string
  readonly end: string
}

export class Validation {
  /** Where the next checks are written: a reader has several methods. */
  writer: CodeBlockWriter
  private readonly scope: DecodeScope
  private readonly frame: FrameOrder | undefined
  private readonly done = new Set<Node | Rule>()
  private readonly laid = new Set<Group>()
  private readonly order = new Map<string, number>()
  private readonly homes = new Map<Node, readonly Group[]>()
  private readonly names = new Map<string, Node>()
  /** Sealed groups whose content can be reached, with the condition that they are open. */
  private readonly opened = new Map<Group, string>()

  constructor(scope: DecodeScope, writer: CodeBlockWriter, frame?: FrameOrder) {
    this.scope = scope
    this.writer = writer
    this.frame = frame
    this.visit(scope.body.nodes, [])
  }

  /** What of this list stands in front of the next wall. */
  listed(names: readonly string[]): void {
    const wall = this.nextWall()
    for (const name of names) {
      const node = this.names.get(name)
      if (!node || this.order.get(name)! >= wall) continue
      this.reach(node)
      this.node(node, this.elseOf(node))
    }
  }

  nodes(nodes: readonly Node[], error: Else): void {
    for (const node of nodes) this.node(node, error)
  }

  private node(node: Node, error: Else): void {
    if (this.done.has(node)) return
    if (node.kind === 'field') {
      this.done.add(node)
      const { scope, writer } = this
      this.reachAll(requestsOf(node.from, node.value, node.max), typeRequests(scope.protocol, node.type))
      // Where a frame has no known end, nobody has demanded its bytes.
      if (scope.open && (!scope.frame || scope.endless)) {
        const { end, present } = scope.slot(node)
        writeIf(writer, scope.when(present), w =>
          w.writeLine(`if (${endText(end)} > input.have) input.want(${endText(end)})`),
        )
      }
      checkField(scope, writer, node, error)
      if (node.isId) this.frame?.afterId?.(writer, node)
      return
    }
    if (node.opaque) return
    if (node.seal !== undefined) return this.sealed(node)
    if (!node.extent) return this.nodes(node.nodes, { named: error.named, soft: error.soft ?? node.error })
    this.region(node, error)
  }

  /** A group that was set aside: laid out, validated, and filled. */
  private region(node: Group, error: Else): void {
    const { scope } = this
    this.layInside(node, error)
    this.done.add(node)
    const slot = scope.slot(node)
    const named = error.named ?? error.soft ?? node.error
    this.inside(scope.when(slot.present), () => {
      this.writer.writeLine('input.nesting++')
      this.nodes(node.nodes, { named })
      this.writer.writeLine('input.nesting--')
      const name = named === undefined ? '' : `, ${quote(named)}`
      this.writer.writeLine(
        `input.fills(${this.behind(node)}, ${endText(slot.contentEnd)}, ${groupPath(scope)}${name})`,
      )
    })
  }

  /** Checks that stand under a condition. */
  private inside(present: string | undefined, part: () => void): void {
    const { writer, scope } = this
    if (present === undefined) return part()
    this.writer = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    scope.assume(present, part)
    const text = this.writer.toString()
    this.writer = writer
    if (text.trim() !== '') writer.write(`if (${present}) `).block(() => writer.write(text))
  }

  private sealed(node: Group): void {
    const { scope, writer, frame } = this
    if (!frame) throw new Error(`${node.name}: a sealed group can only stand in a frame`)
    this.done.add(node)
    this.laid.add(node)
    this.rules(this.order.get(node.name)!)
    const slot = scope.slot(node)
    const members = this.sealMembers(node)
    const present = scope.when(slot.present)
    if (present) writer.writeLine(`${members.open} = false`)
    writeIf(writer, present, w => frame.open(w, node, members))
    this.opened.set(node, members.open)
    scope.slots.set(node, { ...slot, contentStart: position(members.at), contentEnd: position(members.end) })
    this.inside(members.open, () => {
      this.writer.writeLine('input.nesting++')
      const layout = new Layout(scope, this.writer, members.end, { named: node.error })
      const behind = endText(layout.nodes(node.nodes, position(members.at), members.open))
      this.listed(scope.body.validate)
      this.nodes(node.nodes, { named: node.error })
      this.writer.writeLine('input.nesting--')
      const name = node.error === undefined ? '' : `, ${quote(node.error)}`
      this.writer.writeLine(`input.fills(${behind}, ${members.end}, ''${name})`)
    })
    scope.forgetLocals()
  }

  /** Names that another method validates. */
  skip(names: readonly string[]): void {
    for (const name of names) {
      const node = this.names.get(name)
      if (node) this.done.add(node)
    }
  }

  /** Validates what stands in front of the first wall: what the choice of a frame needs before it may open anything. */
  front(names: readonly string[], nodes: readonly Node[]): void {
    this.listed(names)
    for (const node of nodes) {
      if (node.kind === 'group' && node.seal !== undefined) return
      this.node(node, {})
    }
  }

  /** Lays out, and opens, whatever stands around a node. */
  reachThrough(node: Node, bound: boolean): void {
    for (const home of this.homes.get(node) ?? []) {
      if (this.laid.has(home)) continue
      if (home.seal !== undefined) this.openForChoice(home, bound)
      else if (home.extent) this.layInside(home, {})
    }
  }

  private openForChoice(node: Group, bound: boolean): void {
    const { scope, writer } = this
    this.laid.add(node)
    const slot = scope.slot(node)
    const members = this.sealMembers(node)
    const inside = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    this.frame!.open(inside, node, members)
    const seal = scope.protocol.seals.get(node.seal!)!
    const at = byteText(slot.contentStart)
    // Without a key nobody can tell which frame this is; where none may come anyway, nobody needs to.
    if (bound) inside.writeLine(`if (!${members.open} && this.choice.noneFits) return this.choice.anyElse ? -2 : -1`)
    inside.writeLine(`if (!${members.open}) throw input.refuse(${quote(seal.error)}, ${at}, '')`)
    inside.writeLine('input.nesting++')
    scope.assume(slot.present, () => {
      new Layout(scope, inside, members.end, { named: node.error }).nodes(
        node.nodes,
        position(members.at),
        slot.present,
      )
    })
    inside.writeLine('input.nesting--')
    writeIf(writer, slot.present, w => w.write(inside.toString()))
  }

  private sealMembers(node: Group): SealMembers {
    const { scope } = this
    return {
      open: `this.${scope.member(`is${className(node.name)}Open`, 'false')}`,
      at: `this.${scope.member(`${camel(node.name)}PlainAt`, '0')}`,
      end: `this.${scope.member(`${camel(node.name)}PlainEnd`, '0')}`,
    }
  }

  /** Lays out every group with an extent: for reading, where nothing is validated. */
  layGroups(nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (node.kind === 'field') continue
      if (node.extent) this.layInside(node, {})
      this.layGroups(node.nodes)
    }
  }

  private layInside(node: Group, error: Else): void {
    if (this.laid.has(node)) return
    this.laid.add(node)
    const { scope, writer } = this
    const slot = scope.slot(node)
    const named = error.named ?? error.soft ?? node.error
    const lay = (into: CodeBlockWriter): void => {
      if (scope.checked) into.writeLine('input.nesting++')
      const layout = new Layout(scope, into, endText(slot.contentEnd), { named })
      const end = layout.nodes(node.nodes, slot.contentStart, slot.present)
      this.ends.set(node, endText(end))
      if (scope.checked) into.writeLine('input.nesting--')
    }
    const present = scope.when(slot.present)
    if (!present) return lay(writer)
    const inside = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    const hoisted = scope.hoist(() => {
      scope.assume(present, () => lay(inside))
      this.ends.set(node, scope.variable(inside, `${node.name}ContentEnd`, this.ends.get(node)!))
    })
    for (const line of hoisted) writer.writeLine(line)
    writer.write(`if (${present}) `).block(() => writer.write(inside.toString()))
  }

  /** Hard `with`, then `check`, of what stands in front of the wall; each once. */
  rules(wall: number = Number.POSITIVE_INFINITY): void {
    const { scope, writer } = this
    for (const field of this.fields()) {
      const rule = field.with
      if (!rule || this.done.has(rule as unknown as Rule) || !this.inFront(rule.value, wall, field.name)) continue
      this.done.add(rule as unknown as Rule)
      this.reach(field)
      this.reachAll(requestsOf(rule.value))
      const slot = scope.slots.get(field)
      if (!slot) continue
      scope.current = field
      scope.here = { at: slot.start, end: 'end' }
      const guard = scope.when(this.guard([slot.present, ...this.conditions(rule.value)]))
      writeIf(writer, guard, w =>
        scope.assume(guard, () => {
          const code = differs(scope, field, rule.value)
          const at = byteText(slot.start)
          const path = pathOf(scope, field.name)
          const test = code.fails ? `input.evaluate(${at}, ${path}, () => ${code.text})` : code.text
          w.writeLine(`if (${test}) throw input.refuse(${quote(rule.error)}, ${at}, ${path})`)
        }),
      )
    }
    for (const rule of scope.body.check) {
      if (this.done.has(rule) || !this.inFront(rule.test, wall)) continue
      this.done.add(rule)
      this.reachAll(requestsOf(rule.test))
      scope.current = undefined
      scope.here = { at: scope.start, end: 'end' }
      const guard = scope.when(this.guard(this.conditions(rule.test)))
      writeIf(writer, guard, w =>
        scope.assume(guard, () => {
          const code = emitExpr(rule.test, scope)
          const at = byteText(scope.start)
          const text = code.absent ? `${wrap(code, 9)} !== true` : `!(${code.text})`
          const test = code.fails ? `input.evaluate(${at}, ${groupPath(scope)}, () => ${text})` : text
          w.writeLine(`if (${test}) throw input.refuse(${quote(rule.error)}, ${at}, ${groupPath(scope)})`)
        }),
      )
    }
  }

  private readonly ends = new Map<Group, string>()

  private behind(node: Group): string {
    return this.ends.get(node)!
  }

  /** What expressions ask for may stand in groups that are set aside. */
  private reachAll(...lists: readonly (readonly Request[])[]): void {
    for (const { up, name } of lists.flat()) {
      const node = up === 0 ? this.names.get(name) : undefined
      if (node) this.reach(node)
    }
  }

  /** A name inside groups that are set aside makes them be laid out. */
  private reach(node: Node): void {
    for (const home of this.homes.get(node) ?? [])
      if (home.extent && home.seal === undefined) this.layInside(home, this.elseOf(home))
  }

  private elseOf(node: Node): Else {
    let error: Else = {}
    for (const home of this.homes.get(node) ?? []) {
      const soft = error.soft ?? home.error
      error = home.extent || home.seal !== undefined ? { named: error.named ?? soft } : { named: error.named, soft }
    }
    return error
  }

  private fields(): readonly Field[] {
    return [...this.names.values()].filter(node => node.kind === 'field')
  }

  private inFront(expr: Expr, wall: number, ...also: readonly string[]): boolean {
    if (wall === Number.POSITIVE_INFINITY) return true
    const requests = requestsOf(expr)
    if (requests.some(request => (request.what === 'start' || request.what === 'end') && request.name === ''))
      return false
    return [...also, ...requests.map(request => request.name)].every(name => (this.order.get(name) ?? -1) < wall)
  }

  /** Rules do not run where a seal keeps their fields away. */
  private conditions(expr: Expr): readonly (string | undefined)[] {
    return requestsOf(expr).flatMap(request => {
      const node = this.names.get(request.name)
      return (node ? (this.homes.get(node) ?? []) : []).map(home => this.opened.get(home))
    })
  }

  private guard(conditions: readonly (string | undefined)[]): string | undefined {
    const all = [...new Set(conditions.flatMap(condition => condition?.split(' && ') ?? []))]
    return all.length === 0 ? undefined : all.join(' && ')
  }

  private nextWall(): number {
    const closed = [...this.order].filter(([name]) => {
      const node = this.names.get(name)
      return node?.kind === 'group' && node.seal !== undefined && !this.opened.has(node)
    })
    return Math.min(Number.POSITIVE_INFINITY, ...closed.map(([, order]) => order))
  }

  private visit(nodes: readonly Node[], around: readonly Group[]): void {
    for (const node of nodes) {
      if (!this.names.has(node.name)) this.names.set(node.name, node)
      this.order.set(node.name, this.order.size)
      this.homes.set(node, around)
      if (node.kind === 'group') this.visit(node.nodes, [...around, node])
    }
  }
}
