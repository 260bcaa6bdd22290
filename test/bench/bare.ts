/** What a Worker costs that does nothing but the D1 call of a document: no checks, conditions, types or subscribers. */
const GET = "SELECT name, revision, data FROM documents WHERE collection = ?1 AND name = ?2"
const CHANGE = `INSERT INTO changes (at, uri, event, body, extra) SELECT ?, ?, ?, ?, ?
  WHERE NOT EXISTS (SELECT 1 FROM documents WHERE collection = ? AND name = ?) = ?
  RETURNING revision, at, uri, event, body, extra`
const PUT = `INSERT INTO documents (collection, created, name, revision, data)
  VALUES (?1, (SELECT max(revision) FROM changes), ?2, (SELECT max(revision) FROM changes), ?3)
  ON CONFLICT (collection, name) DO UPDATE SET revision = excluded.revision, data = excluded.data`

/** GET and PUT of /bare/{name}. */
export async function answerBare(request: Request, db: D1Database): Promise<Response> {
  const name = new URL(request.url).pathname.slice("/bare/".length)
  if (request.method === "PUT") {
    const { data } = (await request.json()) as { data: unknown }
    const text = JSON.stringify(data)
    const body = JSON.stringify({ name, data })
    const change = (event: string, isNew: number) =>
      db.prepare(CHANGE).bind(Date.now(), `/bare/${name}`, event, body, null, "/bare/", name, isNew)
    await db.batch([
      change("create", 1),
      change("state", 0),
      db.prepare(PUT).bind("/bare/", name, text),
    ])
    return new Response(null, { status: 204 })
  }
  const [found] = await db.batch<{ name: string; data: string }>([
    db.prepare(GET).bind("/bare/", name),
  ])
  const [row] = found?.results ?? []
  if (!row) return new Response(null, { status: 404 })
  const json = `{"name":${JSON.stringify(row.name)},"data":${row.data}}`
  return new Response(json, { headers: { "Content-Type": "application/json" } })
}

/** GET and PUT of /bare-kv/{name}: what Workers KV has, and nothing else. */
export async function answerBareKv(request: Request, kv: KVNamespace): Promise<Response> {
  const name = new URL(request.url).pathname.slice("/bare-kv/".length)
  if (request.method === "PUT") {
    await kv.put(name, await request.text())
    return new Response(null, { status: 204 })
  }
  const value = await kv.get(name)
  if (value === null) return new Response(null, { status: 404 })
  return Response.json({ [name]: value })
}
