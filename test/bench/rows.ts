/**
 * Two series stores with a row per point, in one table: clustered by series and stamp, no index beside.
 *
 * /rows/:symbol is as fast as that goes on D1: a statement takes 25,000 rows as one parameter of JSON, and rows are
 * read as arrays. /usual/:symbol is as it is usually made: a parameter for each value, as many rows a statement as the
 * 100 parameters of D1 allow, and rows read as objects.
 */

const TABLE = `CREATE TABLE IF NOT EXISTS points (
  symbol TEXT NOT NULL, stamp INTEGER NOT NULL, a REAL, b REAL, c REAL, d REAL, e REAL,
  PRIMARY KEY (symbol, stamp)
) STRICT, WITHOUT ROWID`
const INTO = "INSERT INTO points (symbol, stamp, a, b, c, d, e)"
const UPSERT = `ON CONFLICT (symbol, stamp) DO UPDATE SET
  a = excluded.a, b = excluded.b, c = excluded.c, d = excluded.d, e = excluded.e`
const INSERT_LIST = `${INTO}
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM json_each(?2) WHERE true ${UPSERT}`
const SELECT = `SELECT stamp, a, b, c, d, e FROM points
  WHERE symbol = ?1 AND stamp >= ?2 AND stamp <= ?3 ORDER BY stamp`
const DAILY = `SELECT stamp - stamp % 86400000 AS stamp, avg(a) AS a, avg(b) AS b, avg(c) AS c, avg(d) AS d, avg(e) AS e
  FROM points WHERE symbol = ?1 GROUP BY 1`
/** Rows of one statement that takes JSON: some 60 bytes each, and a parameter takes 2,000,000. */
const ROWS_AT_ONCE = 25_000
/** The symbol is one parameter of a statement, stamp and values are six for each row. */
const USUAL_ROWS_AT_ONCE = 16
/** In a batch; beyond what a request may ask of D1 on either plan of Workers, which would make it slower still. */
const STATEMENTS_AT_ONCE = 1_000

interface Split {
  columns: string[]
  index: number[]
  data: number[][]
}

interface Point {
  stamp: number
  a: number
  b: number
  c: number
  d: number
  e: number
}

/** PUT: a split frame of columns a to e. GET: the rows from `start` to `end`, epoch milliseconds; or the daily means. */
export async function answerRows(request: Request, db: D1Database): Promise<Response> {
  const [, store, symbol = ""] = new URL(request.url).pathname.split("/")
  const isUsual = store === "usual"
  if (request.method === "PUT") {
    const split = (await request.json()) as Split
    await db.batch([db.prepare(TABLE)])
    await (isUsual ? writeUsually(db, symbol, split) : writeFast(db, symbol, split))
    return Response.json({ status: true })
  }
  const statement = selectOf(db, symbol, new URL(request.url).searchParams)
  return Response.json(await (isUsual ? readUsually(statement) : readFast(statement)))
}

function selectOf(db: D1Database, symbol: string, query: URLSearchParams): D1PreparedStatement {
  if (query.has("daily")) return db.prepare(DAILY).bind(symbol)
  return db.prepare(SELECT).bind(symbol, Number(query.get("start")), Number(query.get("end")))
}

async function writeFast(db: D1Database, symbol: string, { index, data }: Split): Promise<void> {
  const statements: D1PreparedStatement[] = []
  for (let from = 0; from < index.length; from += ROWS_AT_ONCE) {
    const rows = data.slice(from, from + ROWS_AT_ONCE).map((row, at) => [index[from + at], ...row])
    statements.push(db.prepare(INSERT_LIST).bind(symbol, JSON.stringify(rows)))
  }
  await db.batch(statements)
}

async function readFast(statement: D1PreparedStatement): Promise<Split> {
  const rows = await statement.raw<number[]>()
  return {
    columns: ["a", "b", "c", "d", "e"],
    index: rows.map(([stamp = 0]) => stamp),
    data: rows.map((row) => row.slice(1)),
  }
}

async function writeUsually(db: D1Database, symbol: string, { index, data }: Split): Promise<void> {
  let statements: D1PreparedStatement[] = []
  for (let from = 0; from < index.length; from += USUAL_ROWS_AT_ONCE) {
    const rows = data.slice(from, from + USUAL_ROWS_AT_ONCE)
    const values = rows.map(() => "(?1, ?, ?, ?, ?, ?, ?)").join()
    const params = rows.flatMap((row, at) => [index[from + at], ...row])
    statements.push(db.prepare(`${INTO} VALUES ${values} ${UPSERT}`).bind(symbol, ...params))
    if (statements.length < STATEMENTS_AT_ONCE) continue
    await db.batch(statements)
    statements = []
  }
  if (statements.length > 0) await db.batch(statements)
}

async function readUsually(statement: D1PreparedStatement): Promise<Split> {
  const { results } = await statement.all<Point>()
  return {
    columns: ["a", "b", "c", "d", "e"],
    index: results.map(({ stamp }) => stamp),
    data: results.map(({ a, b, c, d, e }) => [a, b, c, d, e]),
  }
}
