/**
 * Makes the tables. The Worker does it by itself, so that every way of starting works (`wrangler dev` with any
 * `--persist-to`, a first deployment), and keeps the same book as `wrangler d1 migrations`, so that both agree.
 */
import feed from "../migrations/0001_feed.sql"
import documents from "../migrations/0002_documents.sql"
import keys from "../migrations/0003_keys.sql"
import series from "../migrations/0004_series.sql"

const MIGRATIONS: readonly (readonly [name: string, sql: string])[] = [
  ["0001_feed.sql", feed],
  ["0002_documents.sql", documents],
  ["0003_keys.sql", keys],
  ["0004_series.sql", series],
]

// wrangler's own definition of its table, so that whoever comes first makes the same.
const BOOK = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

const done = new WeakMap<D1Database, Promise<void>>()

/** Applies what is missing, once per isolate; a failure is tried again by the next request. */
export function migrate(d1: D1Database): Promise<void> {
  const known = done.get(d1)
  if (known) return known
  const running = apply(d1).catch((error: unknown) => {
    done.delete(d1)
    throw error
  })
  done.set(d1, running)
  return running
}

async function apply(d1: D1Database): Promise<void> {
  const applied = await appliedNames(d1)
  for (const [name, sql] of MIGRATIONS) {
    if (!applied.has(name)) await applyOne(d1, name, sql)
  }
}

async function appliedNames(d1: D1Database): Promise<Set<string>> {
  try {
    const { results } = await d1.prepare("SELECT name FROM d1_migrations").all<{ name: string }>()
    return new Set(results.map((row) => row.name))
  } catch (error) {
    if (String(error).includes("no such table")) return new Set()
    throw error
  }
}

async function applyOne(d1: D1Database, name: string, sql: string): Promise<void> {
  try {
    await d1.batch([
      d1.prepare(BOOK),
      // First, so that of two isolates at it the second fails here, whole, and finds the work done.
      d1.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name),
      ...statementsOf(sql).map((statement) => d1.prepare(statement)),
    ])
  } catch (error) {
    if (!(await appliedNames(d1)).has(name)) throw error
  }
}

/** Our files end every statement with a semicolon at the end of a line and hold no triggers. */
function statementsOf(sql: string): string[] {
  return sql
    .replace(/^--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter(Boolean)
}
