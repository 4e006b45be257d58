// Which fields of its own record an expression looks at.
import type { Expr } from '../model/model.ts'

export interface Uses {
  readonly names: ReadonlySet<string>
  /** A range without an end: everything. */
  readonly open: boolean
}

export function usesOf(expr: Expr): Uses {
  const known = USES.get(expr)
  if (known) return known
  const names = new Set<string>()
  let open = false
  const visit = (at: Expr): void => {
    switch (at.is) {
      case 'field':
        names.add(at.name)
        break
      case 'range':
        for (const end of [at.from, at.to]) if (end && end.up === 0) names.add(end.field)
        open ||= at.to === undefined
        break
      case 'member':
      case 'not':
      case 'negate':
        visit(at.of)
        break
      case 'index':
        visit(at.of)
        visit(at.index)
        break
      case 'if':
        visit(at.test)
        visit(at.yes)
        visit(at.no)
        break
      case 'binary':
        visit(at.left)
        visit(at.right)
        break
      case 'in':
        visit(at.of)
        for (const item of at.items) {
          visit(item.from)
          visit(item.to)
        }
        break
      case 'call':
        for (const arg of at.args) visit(arg)
        break
      default:
    }
  }
  visit(expr)
  const uses = { names, open }
  USES.set(expr, uses)
  return uses
}

const USES = new WeakMap<Expr, Uses>()
