/** All apps' documents, in the order of creation, a page of the database at a time. */
import type { Database } from "../../feed/database.ts"
import { EXPORT_MAX_PAGES, EXPORT_PAGE_BYTES, EXPORT_PAGE_ROWS } from "../../protocol/limits.ts"
import { due } from "../sql.ts"
import type { DocumentStoreOptions } from "../store.ts"
import { lineOf, nextLine, type Named } from "./lines.ts"
import * as sql from "./sql.ts"

interface End {
  revision: number
  last: number
}

interface Row extends Named {
  created: number
}

export class DocumentExporter {
  readonly #db: Database

  readonly #options: DocumentStoreOptions

  constructor(db: Database, options: DocumentStoreOptions) {
    this.#db = db
    this.#options = options
  }

  /**
   * The lines, made while they are taken, and the revision at the beginning: what changes meanwhile may be in it. When
   * there are more documents than `limit` or a request may read, the last line says how to go on.
   * @param after the creation of the last document that the caller has
   */
  async read(
    after: number,
    limit = Infinity,
    pageBytes = EXPORT_PAGE_BYTES,
  ): Promise<{ revision: number; lines: AsyncIterable<string> }> {
    const [ends, dues] = await this.#db.batch<End & { due: number }>([
      sql.end,
      due(this.#options.now()),
    ])
    let end: End | null | undefined = ends?.[0]
    if (dues?.[0]?.due) {
      await this.#options.sweep()
      end = await this.#db.first<End>(sql.end)
    }
    const last = end?.last ?? 0
    return { revision: end?.revision ?? 0, lines: this.#lines(after, last, limit, pageBytes) }
  }

  async *#lines(
    after: number,
    last: number,
    limit: number,
    pageBytes: number,
  ): AsyncGenerator<string> {
    let [at, left] = [after, limit]
    for (let page = 0; page < EXPORT_MAX_PAGES && at < last && left > 0; page++) {
      const rows = Math.min(left, EXPORT_PAGE_ROWS)
      const found = await this.#db.all<Row>(sql.page(at, last, rows, pageBytes))
      for (const row of found) yield lineOf(row)
      left -= found.length
      at = found.at(-1)?.created ?? last
    }
    if (at < last) yield nextLine(String(at))
  }
}
