/** `where` over a document in memory: holds exactly when the statement made of it does. Pure. */
import { parseExact } from "../../lib/json.ts"
import { valueAt, type Path } from "./path.ts"
import { comparable, compare, type Comparable } from "./value.ts"
import type { Expression, Literal, Term } from "./where.ts"

/** A document of a list, its data as `parseExact` answers it. */
export interface Candidate {
  name: string
  revision: number
  created: number
  data: unknown
}

/** Whether the expression holds for the document. */
export function matches(expression: Expression, document: Candidate): boolean {
  if (expression.op === "and") return expression.of.every((one) => matches(one, document))
  if (expression.op === "or") return expression.of.some((one) => matches(one, document))
  if (expression.op === "not") return !matches(expression.of, document)
  return holds(expression, document)
}

function holds(term: Term, document: Candidate): boolean {
  const value = found(document, term.path)
  if (term.op === "exists") return value !== undefined
  const own = comparable(value)
  if (term.op === "in") return term.values.some((one) => equals(own, literalOf(one)))
  const wanted = literalOf(term.value)
  if (term.op === "contains") {
    if (Array.isArray(value)) return value.some((one) => equals(comparable(one), wanted))
    if (typeof value !== "string" || typeof wanted.value !== "string") return false
    return value.includes(wanted.value)
  }
  if (own.kind !== wanted.kind) return false
  const order = compare(own, wanted)
  if (term.op === "lt") return order < 0
  if (term.op === "lte") return order <= 0
  return term.op === "gt" ? order > 0 : order >= 0
}

function found(document: Candidate, { field, steps }: Path): unknown {
  return valueAt(document[field], steps)
}

function literalOf({ json }: Literal): Comparable {
  return comparable(parseExact(json))
}

function equals(one: Comparable, other: Comparable): boolean {
  return one.kind === other.kind && compare(one, other) === 0
}
