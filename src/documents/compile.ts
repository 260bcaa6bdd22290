/**
 * JSON Patches as SQL, so that they need no read before and no retry: 200 who increase a number at once all do. Only
 * what SQLite does exactly as the RFC says is put this way, and the SQL stops the batch wherever it is in doubt; then
 * the patch is applied to what was read. Pure.
 */
import { STOP, type Param, type Statement } from "../feed/statement.ts"
import { CHANGE_BODY_MAX_BYTES, DOCUMENT_MAX_BYTES, JSON_MAX_DEPTH } from "../protocol/limits.ts"
import { byteLength } from "../lib/bytes.ts"
import { heightOf, textOf } from "../lib/tree.ts"
import { Described } from "./described.ts"
import type { Operation } from "./jsonpatch.ts"
import { rewrite } from "./sql.ts"
import { isInteger } from "./sum.ts"

/** Each is a step of the SQL, which is kept in its limits: D1 takes 100 parameters, and 100 kB. */
const MAX_OPERATIONS = 16
const MAX_TOKEN_CHARACTERS = 200

export interface Compiled {
  /** Of (at, uri, event, body, extra), for the journal. */
  draft: Statement
  write: Statement
}

/** Where the patch goes, and how the document looks from outside. */
export interface Target {
  uri: string
  collection: string
  name: string
  /** What GET answers before the data; a brace comes after it. */
  opening: string
  /** Epoch milliseconds. */
  at: number
}

/** The statements of a patch of what GET answers; null when it cannot be said in SQL. */
export function compiled(operations: readonly Operation[], target: Target): Compiled | null {
  if (operations.length > MAX_OPERATIONS) return null
  // The database takes no longer text, and the patch may hold all of them.
  const values = operations.map((one) => ("value" in one ? textOf(one.value) : "")).join()
  // To SQLite, a member's name ends at U+0000.
  if (byteLength(values) > DOCUMENT_MAX_BYTES || values.includes("\\u0000")) return null
  const described = new Described(operations)
  const chain = new Chain(target)
  for (const operation of operations) if (!step(chain, operation)) return null
  chain.step(
    `json_type(d, '$.data') = 'object' AND octet_length(d -> '$.data') <= ${DOCUMENT_MAX_BYTES}`,
    "d",
  )
  return { draft: draftOf(chain.copy(), target, described), write: writeOf(chain, target) }
}

function step(chain: Chain, operation: Operation): boolean {
  const { op, path } = operation
  if ("from" in operation || !isPlain(path)) return false
  const here = chain.bind(jsonPath(path))
  if (!("value" in operation)) {
    chain.step(`json_type(d, ${here}) IS NOT NULL`, `json_remove(d, ${here})`)
    return path.length > 1
  }
  const { value } = operation
  if (path.length + heightOf(value) > JSON_MAX_DEPTH) return false
  const text = chain.bind(textOf(value))
  const above = chain.bind(jsonPath(path.slice(0, -1)))
  if (op === "test") {
    // Equal texts are equal values; whether others are is not for SQL to say.
    chain.step(`d -> ${here} = ${text}`, "d")
  } else if (op === "inc") {
    // Beyond int64 SQLite goes on in doubles without a word.
    const sum = `coalesce(json_extract(d, ${here}), 0) + CAST(${text} AS INTEGER)`
    const isAbsent = `json_type(d, ${here}) IS NULL AND json_type(d, ${above}) = 'object'`
    chain.step(
      `((${isAbsent}) OR json_type(d, ${here}) = 'integer') AND typeof(${sum}) = 'integer'`,
      `json_set(d, ${here}, ${sum})`,
    )
    return (
      isInteger(value as string) &&
      BigInt.asIntN(64, BigInt(value as string)) === BigInt(value as string)
    )
  } else if (op === "add" || op === "put") {
    chain.step(`json_type(d, ${above}) = 'object'`, `json_set(d, ${here}, json(${text}))`)
  } else if (op === "merge" && value instanceof Map) {
    chain.step(
      `json_type(d, ${here}) IS NOT NULL`,
      `json_set(d, ${here}, json(json_patch(d -> ${here}, ${text})))`,
    )
  } else {
    chain.step(`json_type(d, ${here}) IS NOT NULL`, `json_set(d, ${here}, json(${text}))`)
  }
  return true
}

/**
 * Only members of objects: "0" may be a place in an array. Escapes are left out, because how SQLite compares them has
 * changed with its versions.
 */
function isPlain(path: readonly string[]): boolean {
  return (
    path[0] === "data" &&
    path.every(
      (token) =>
        token.length <= MAX_TOKEN_CHARACTERS &&
        /^[ !#-[\]-~\u00a0-\uffff]+$/.test(token) &&
        !/^(-|\d+)$/.test(token),
    )
  )
}

/** What kind of value is at a path that `compiled` can say, NULL where none is. */
export function kindAt(
  [, ...path]: readonly string[],
  collection: string,
  name: string,
): Statement {
  return {
    sql: "SELECT json_type(data, ?) FROM documents WHERE collection = ? AND name = ?",
    params: [jsonPath(path), collection, name],
  }
}

function jsonPath(path: readonly string[]): string {
  return ["$", ...path.map((token) => `"${token}"`)].join(".")
}

function draftOf(chain: Chain, { uri, at }: Target, described: Described): Statement {
  const patch = described.text
  let body = "d"
  if (patch !== null) {
    body = chain.bind(patch)
    for (const path of described.sums) {
      const here = chain.bind(jsonPath(path))
      body = `json_set(${body}, ${here}, d -> ${here})`
    }
  }
  const event = patch === null ? "state" : "patch"
  return chain.end(
    `SELECT CAST(${chain.bind(at)} AS INTEGER), ${chain.bind(uri)}, '${event}',
      CASE WHEN octet_length(${body}) <= ${CHANGE_BODY_MAX_BYTES} THEN ${body} END, NULL FROM`,
  )
}

function writeOf(chain: Chain, { collection, name }: Target): Statement {
  const { sql, params } = chain.end("SELECT d -> '$.data' FROM")
  return rewrite(collection, name, sql, params)
}

/** The resource, a step at a time. Materialized: flattened into each other, steps would be done again and again. */
class Chain {
  readonly #params: Param[] = []
  readonly #steps: string[] = []

  constructor(target?: Target) {
    if (!target) return
    const { opening, collection, name } = target
    this.#steps.push(`SELECT ${this.bind(opening)} || data || '}' FROM documents
      WHERE collection = ${this.bind(collection)} AND name = ${this.bind(name)}`)
  }

  copy(): Chain {
    const chain = new Chain()
    chain.#params.push(...this.#params)
    chain.#steps.push(...this.#steps)
    return chain
  }

  /** A parameter's place. */
  bind(value: Param): string {
    const known = this.#params.indexOf(value)
    return `?${known < 0 ? this.#params.push(value) : known + 1}`
  }

  /** The next `d`, made of this one; the batch is stopped unless the condition holds. */
  step(condition: string, next: string): void {
    const last = `s${this.#steps.length - 1}`
    this.#steps.push(`SELECT CASE WHEN ${condition} THEN ${next} ELSE ${STOP} END FROM ${last}`)
  }

  end(select: string): Statement {
    const steps = this.#steps.map((sql, at) => `s${at}(d) AS MATERIALIZED (${sql})`)
    return {
      sql: `WITH ${steps.join(", ")} ${select} s${steps.length - 1}`,
      params: this.#params,
    }
  }
}
