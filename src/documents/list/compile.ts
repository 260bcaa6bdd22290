/** `where` as SQL over the columns of the documents. Pure. */
import type { Constants } from "./constants.ts"
import { sqlitePath, type Path } from "./path.ts"
import type { Expression, Literal, Order, Term } from "./where.ts"

/** SQL of what stands at a path. */
export interface Source {
  /** Its JSON type, NULL when there is nothing. */
  type: string
  value: string
  /** SQL of the data it is in, and the path there; only of what is in the data. */
  inside?: readonly [data: string, path: string]
  /** Known without looking; only of what is not in the data. */
  kind?: "text" | "number"
}

const OPERATORS: Record<Order, string> = { lt: "<", lte: "<=", gt: ">", gte: ">=" }
const NUMBER_TYPES = "('integer','real')"

export function sourceOf({ field, steps }: Path, constants: Constants): Source {
  if (field === "name") return { type: "'text'", value: "name", kind: "text" }
  if (field !== "data") return { type: "'integer'", value: field, kind: "number" }
  const path = constants.scalar(JSON.stringify(sqlitePath(steps)))
  const type = `json_type(data,${path})`
  return { type, value: `json_extract(data,${path})`, inside: ["data", path] }
}

/** A condition that is 1 or 0, never NULL. Its depth grows with the logarithm of a chain's length: D1 allows 100. */
export function conditionOf(expression: Expression, constants: Constants): string {
  if (expression.op === "not") return `(NOT ${conditionOf(expression.of, constants)})`
  if (expression.op === "and" || expression.op === "or") {
    const parts = expression.of.map((one) => conditionOf(one, constants))
    return balanced(parts, expression.op.toUpperCase())
  }
  return `((${termOf(expression, constants)}) IS TRUE)`
}

/** `a AND b AND c AND d` as `((a AND b) AND (c AND d))`. */
function balanced(parts: readonly string[], word: string): string {
  if (parts.length === 1) return parts[0] ?? ""
  const middle = parts.length >> 1
  return `(${balanced(parts.slice(0, middle), word)} ${word} ${balanced(parts.slice(middle), word)})`
}

function termOf(term: Term, constants: Constants): string {
  const source = sourceOf(term.path, constants)
  if (term.op === "exists") return `${source.type} IS NOT NULL`
  if (term.op === "in") return isOneOf(source, term.values, constants)
  if (term.op === "contains") return contains(source, term.value, constants)
  const kind = term.value.kind === "text" ? "text" : "number"
  const value = constants.scalar(term.value.json)
  return ofKind(source, kind, `${source.value} ${OPERATORS[term.op]} ${value}`)
}

function isOneOf(source: Source, values: readonly Literal[], constants: Constants): string {
  const some: string[] = []
  for (const kind of ["text", "number"] as const) {
    const jsons = values.filter((value) => value.kind === kind).map(({ json }) => json)
    if (jsons.length === 0) continue
    const [first = ""] = jsons
    const wanted =
      jsons.length === 1 ? `= ${constants.scalar(first)}` : `IN (${constants.rows(jsons)})`
    some.push(ofKind(source, kind, `${source.value} ${wanted}`))
  }
  const types = values.filter(({ kind }) => kind !== "text" && kind !== "number")
  if (types.length > 0 && !source.kind) {
    some.push(`${source.type} IN (${types.map(({ kind }) => `'${kind}'`).join()})`)
  }
  return some.length === 0 ? "0" : some.join(" OR ")
}

/** A part of a text, or an element of an array. */
function contains(source: Source, wanted: Literal, constants: Constants): string {
  const part =
    wanted.kind === "text"
      ? ofKind(source, "text", `instr(${source.value},${constants.scalar(wanted.json)}) > 0`)
      : "0"
  if (!source.inside) return part
  const element = isOneOf({ type: "type", value: "value" }, [wanted], constants)
  const elements = `SELECT 1 FROM json_each(${source.inside.join()}) WHERE ${element}`
  return `${part} OR (${source.type} IS 'array' AND EXISTS (${elements}))`
}

/** A comparison that holds only for values of a kind: among others SQLite would compare, or convert. */
function ofKind(source: Source, kind: "text" | "number", comparison: string): string {
  if (source.kind) return source.kind === kind ? comparison : "0"
  const types = kind === "text" ? "IS 'text'" : `IN ${NUMBER_TYPES}`
  return `(${source.type} ${types} AND ${comparison})`
}
