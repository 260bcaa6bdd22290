/** Folds what the journal is about to lose into what it made of the documents, so that every moment it keeps can be told. */
import type { Database } from "../../feed/database.ts"
import type { Keeper, Trimmed } from "../../feed/feed.ts"
import type { Statement } from "../../feed/statement.ts"
import { DATABASE_TEXT_MAX_BYTES, TRIM_MAX_FOLDED } from "../../protocol/limits.ts"
import { byteLength } from "../../lib/bytes.ts"
import * as sql from "./sql.ts"

interface Row {
  revision: number
  uri: string
  event: string
}

export class HistoryKeeper implements Keeper {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** How far trimming may go at once, and the statements that keep what documents were there. */
  async keep({ first, last }: Trimmed): Promise<{ last: number; statements: Statement[] }> {
    const rows = await this.#db.all<Row>(sql.trimmed(first, last, TRIM_MAX_FOLDED + 1))
    const beyond = rows[TRIM_MAX_FOLDED]
    const end = beyond ? beyond.revision - 1 : last
    const fared = faredIn(rows.slice(0, TRIM_MAX_FOLDED))
    return { last: end, statements: parts(fared).flatMap((part) => sql.keep(part, end)) }
  }
}

function faredIn(rows: Row[]): sql.Fared[] {
  const fared = new Map<string, sql.Fared>()
  for (const { revision, uri, event } of rows) {
    const name = decodeURIComponent(uri.slice(sql.COLLECTION.length))
    const before = fared.get(uri) ?? { name, uri, whole: 0, newest: 0, isDeleted: false }
    const whole = event === "patch" ? before.whole : revision
    fared.set(uri, { ...before, whole, newest: revision, isDeleted: event === "delete" })
  }
  return [...fared.values()]
}

/** Lists that each fit a parameter of a statement. */
function parts(fared: sql.Fared[]): sql.Fared[][] {
  const found: sql.Fared[][] = []
  let bytes = 0
  for (const one of fared) {
    const size = byteLength(JSON.stringify([one.name, one.uri])) + 50
    const part = found.at(-1)
    if (!part || bytes + size > DATABASE_TEXT_MAX_BYTES) found.push([one])
    else part.push(one)
    bytes = part && bytes + size <= DATABASE_TEXT_MAX_BYTES ? bytes + size : size
  }
  return found
}
