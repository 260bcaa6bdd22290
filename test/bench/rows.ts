/** A series store as it is usually made: a row per point. As fast as that goes on D1: clustered, no index beside. */

const TABLE = `CREATE TABLE IF NOT EXISTS points (
  symbol TEXT NOT NULL, stamp INTEGER NOT NULL, a REAL, b REAL, c REAL, d REAL, e REAL,
  PRIMARY KEY (symbol, stamp)
) STRICT, WITHOUT ROWID`
const INSERT = `INSERT INTO points (symbol, stamp, a, b, c, d, e)
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM json_each(?2) WHERE true
  ON CONFLICT (symbol, stamp) DO UPDATE SET
    a = excluded.a, b = excluded.b, c = excluded.c, d = excluded.d, e = excluded.e`
const SELECT = `SELECT stamp, a, b, c, d, e FROM points
  WHERE symbol = ?1 AND stamp >= ?2 AND stamp <= ?3 ORDER BY stamp`
const DAILY = `SELECT stamp - stamp % 86400000 AS day, avg(a), avg(b), avg(c), avg(d), avg(e)
  FROM points WHERE symbol = ?1 GROUP BY day`
/** Rows of one statement: some 60 bytes each, and a parameter takes 2,000,000. */
const ROWS_AT_ONCE = 25_000

interface Split {
  columns: string[]
  index: number[]
  data: number[][]
}

/** PUT: a split frame of columns a to e. GET: the rows from `start` to `end`, epoch milliseconds; or the daily means. */
export async function answerRows(request: Request, db: D1Database): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const symbol = pathname.slice("/rows/".length)
  if (request.method === "PUT") {
    const { index, data } = (await request.json()) as Split
    const statements = [db.prepare(TABLE)]
    for (let from = 0; from < index.length; from += ROWS_AT_ONCE) {
      const rows = data
        .slice(from, from + ROWS_AT_ONCE)
        .map((row, at) => [index[from + at], ...row])
      statements.push(db.prepare(INSERT).bind(symbol, JSON.stringify(rows)))
    }
    await db.batch(statements)
    return Response.json({ status: true })
  }
  const statement = searchParams.has("daily")
    ? db.prepare(DAILY).bind(symbol)
    : db
        .prepare(SELECT)
        .bind(symbol, Number(searchParams.get("start")), Number(searchParams.get("end")))
  const rows = await statement.raw<number[]>()
  const split = {
    columns: ["a", "b", "c", "d", "e"],
    index: rows.map(([stamp]) => stamp),
    data: rows.map((row) => row.slice(1)),
  }
  return Response.json(split)
}
