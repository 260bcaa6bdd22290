/** The statements of the lists. */
import type { Statement } from "../../feed/statement.ts"
import { DOCUMENT_LIST_MAX_BYTES, SORT_TEXT_CHARACTERS } from "../../protocol/limits.ts"
import { conditionOf, sourceOf } from "./compile.ts"
import { Constants } from "./constants.ts"
import type { Place } from "./cursor.ts"
import type { SortKey } from "./sort.ts"
import { KINDS } from "./value.ts"
import type { Expression } from "./where.ts"

/** A list as it was asked for. */
export interface Wish {
  collection: string
  /** The beginning of the names; "" is any. */
  prefix: string
  where: Expression | null
  sort: SortKey[]
  /** Where the page before ended. */
  after: Place | null
  limit: number
  withData: boolean
  /** Whether all with the prefix are gathered and sorted, although an index has the order: it is of others, too. */
  isGathered?: boolean
}

/** A document of a page. `r0`, `v0` … are its place in the order, where the columns do not tell it. */
export interface Row {
  name: string
  created: number
  revision: number
  /** Null where it was held back. */
  data?: string | null
  [key: `r${number}`]: number
  [key: `v${number}`]: string
}

/** The column by which an index has the documents in the order wanted; null when all must be gathered and sorted. */
export function walkedBy({ sort, isGathered }: Wish): "name" | "created" | null {
  const { field } = sort[0]?.path ?? {}
  if (sort.length !== 1 || isGathered) return null
  return field === "name" || field === "created" ? field : null
}

/** Whether those with the prefix are among others in the order wanted; then `isGathered` is a choice. */
export function isScattered(wish: Wish): boolean {
  return wish.prefix !== "" && walkedBy(wish) === "created"
}

/**
 * What is read of the data: `even` holds back what is larger than its share of an answer, `filled` what comes when an
 * answer is full. Filling costs three times the rows, because D1 counts those of window functions too.
 */
export type Measure = "even" | "filled"

/** A page and the document after it, in order; at most so many documents are looked at. */
export function page(wish: Wish, scanned: number, measure: Measure): Statement {
  return walkedBy(wish) ? walk(wish, scanned, measure) : gather(wish, scanned, measure)
}

/** The name and `created` of the last document looked at, when there are as many. */
export function boundary(wish: Wish, scanned: number): Statement {
  const constants = new Constants("?1")
  return finished(
    `${walked(wish, constants, "name, created")} LIMIT 1 OFFSET ${scanned - 1}`,
    constants,
  )
}

/** How many documents there are with the prefix, and for how many of them the condition holds. */
export function count(wish: Wish, scanned: number): Statement {
  const constants = new Constants("?1")
  const condition = wish.where ? conditionOf(wish.where, constants) : "1"
  const columns = wish.where ? "name, created, revision, data" : "1"
  return finished(
    `SELECT count(*) AS scanned, coalesce(sum(${condition}), 0) AS total FROM (
      SELECT ${columns} FROM documents WHERE ${inRange(wish, constants)} LIMIT ${scanned})`,
    constants,
  )
}

/** Along an index: what comes first is read first, and reading stops when the page is full. */
function walk(wish: Wish, scanned: number, measure: Measure): Statement {
  const { where, limit, withData } = wish
  const constants = new Constants("?1")
  const columns = `name, created, revision${where || withData ? ", data" : ""}`
  const rows = walked(wish, constants, columns)
  const wanted = limit + 1
  const conditions = [
    ...(isScattered(wish) ? [hasPrefix(wish, constants)] : []),
    ...(where ? [`(${conditionOf(where, constants)})`] : []),
  ].join(" AND ")
  // No ORDER BY around it: SQLite would read and sort all that the inner limit allows.
  const some = conditions
    ? `SELECT * FROM (${rows} LIMIT ${scanned}) WHERE ${conditions} LIMIT ${wanted}`
    : `${rows} LIMIT ${wanted}`
  if (!withData) return finished(some, constants)
  const sized =
    measure === "even"
      ? `SELECT *, octet_length(data) AS size FROM (${some})`
      : `SELECT *, ${runningSize("octet_length(data)", "")} AS size FROM (${some})`
  return finished(
    `SELECT name, created, revision, ${heldBack("data", wish, measure)} AS data FROM (${sized})`,
    constants,
  )
}

/** The data when it is small enough: on its own, or with all before it. */
function heldBack(data: string, { limit }: Wish, measure: Measure): string {
  const most = DOCUMENT_LIST_MAX_BYTES
  return measure === "even"
    ? `CASE WHEN size <= ${Math.floor(most / limit)} THEN ${data} END`
    : `CASE WHEN size < ${most} THEN ${data} END`
}

/** The size of all before a row. */
function runningSize(size: string, order: string): string {
  return `sum(${size}) OVER (${order} ROWS UNBOUNDED PRECEDING) - ${size}`
}

function walked(wish: Wish, constants: Constants, columns: string): string {
  const column = walkedBy(wish)
  const descending = wish.sort[0]?.descending === true
  const [, last] = wish.after?.[0] ?? []
  const after =
    last === undefined ? "" : `AND ${column} ${descending ? "<" : ">"} ${constants.scalar(last)}`
  const range = isScattered(wish)
    ? `collection = ${collectionOf(wish, constants)}`
    : inRange(wish, constants)
  return `SELECT ${columns} FROM documents WHERE ${range} ${after}
    ORDER BY ${column}${descending ? " DESC" : ""}`
}

/** All of them, sorted; the data of those on the page is read last, so that the others' is not held. */
function gather(wish: Wish, scanned: number, measure: Measure): Statement {
  const { where, sort, after, limit, withData } = wish
  const constants = new Constants("?1")
  const keys = sort.map((key, at) => keyColumns(key, at, constants)).join()
  const order = sort.map(({ descending }, at) => orderOf(at, descending)).join()
  const values = sort.map((_, at) => `r${at}, json_quote(k${at}) AS v${at}`).join()
  const rows = `WITH scanned AS (
      SELECT name, created, revision, data FROM documents
      WHERE ${inRange(wish, constants)} LIMIT ${scanned}
    ), ranked AS (
      SELECT name, created, revision, octet_length(data) AS size, ${keys} FROM scanned
      ${where ? `WHERE ${conditionOf(where, constants)}` : ""}
    ), page AS (
      SELECT * FROM ranked ${after ? `WHERE ${isAfter(sort, after, constants)}` : ""}
      ORDER BY ${order} LIMIT ${limit + 1}
    )`
  const pairs = sort.map((_, at) => `r${at}, k${at}`).join()
  const columns = `name, created, revision, ${values}`
  if (!withData) {
    return finished(`${rows} SELECT ${columns} FROM page ORDER BY ${order}`, constants)
  }
  const data = `(SELECT data FROM documents AS d
    WHERE d.collection = ${collectionOf(wish, constants)} AND d.created = sized.created)`
  const sized =
    measure === "even"
      ? "page"
      : `(SELECT name, created, revision, ${pairs}, ${runningSize("size", `ORDER BY ${order}`)} AS size FROM page)`
  return finished(
    `${rows} SELECT ${columns}, ${heldBack(data, wish, measure)} AS data
      FROM ${sized} AS sized ORDER BY ${order}`,
    constants,
  )
}

/** Rank and value of a key; values of different kinds never meet. */
function keyColumns({ path }: SortKey, at: number, constants: Constants): string {
  const { type, value, kind } = sourceOf(path, constants)
  if (kind) return `${KINDS.indexOf(kind)} AS r${at}, ${value} AS k${at}`
  const ranks = KINDS.slice(1).map((one, rank) => {
    const types = one === "number" ? ["integer", "real"] : [one]
    return types.map((name) => `WHEN '${name}' THEN ${rank + 1}`).join(" ")
  })
  // Cursors carry these values, so texts count by their beginning. substr() would end a text at U+0000.
  const text = `iif(instr(${value}, char(0)), ${value}, substr(${value}, 1, ${SORT_TEXT_CHARACTERS}))`
  return `CASE ${type} ${ranks.join(" ")} ELSE 0 END AS r${at},
    CASE ${type} WHEN 'text' THEN ${text}
      WHEN 'integer' THEN ${value} WHEN 'real' THEN ${value} END AS k${at}`
}

function orderOf(at: number, descending: boolean): string {
  const direction = descending ? " DESC" : ""
  return `r${at}${direction}, k${at}${direction}`
}

/** What comes after a place: greater by the first key, or equal by it and after the rest of the place. */
function isAfter(sort: readonly SortKey[], place: Place, constants: Constants, at = 0): string {
  const [rank, json] = place[at] ?? [0, "null"]
  const sign = sort[at]?.descending ? "<" : ">"
  const value = constants.scalar(json)
  const greater = `r${at} ${sign} ${rank} OR (r${at} = ${rank} AND k${at} ${sign} ${value})`
  if (at === sort.length - 1) return `(${greater})`
  const rest = isAfter(sort, place, constants, at + 1)
  return `(${greater} OR (r${at} = ${rank} AND k${at} IS ${value} AND ${rest}))`
}

function collectionOf({ collection }: Wish, constants: Constants): string {
  return constants.scalar(JSON.stringify(collection))
}

function inRange(wish: Wish, constants: Constants): string {
  const collection = `collection = ${collectionOf(wish, constants)}`
  return wish.prefix === "" ? collection : `${collection} AND ${hasPrefix(wish, constants)}`
}

function hasPrefix(wish: Wish, constants: Constants): string {
  const prefix = constants.scalar(JSON.stringify(wish.prefix))
  // No name has a character after this one.
  return `name >= ${prefix} AND name < ${prefix} || char(1114111)`
}

function finished(sql: string, constants: Constants): Statement {
  return { sql, params: [constants.json] }
}
