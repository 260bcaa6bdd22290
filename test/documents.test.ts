import { describe, expect, it } from "vitest"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

const put = (name: string, data: unknown, headers = {}) =>
  send(`PUT /api/apps/${name}`, { data }, headers)

const json = { "Content-Type": "application/json" }

/** A body as text, for what an object literal cannot say. */
const putText = (name: string, text: string) => send(`PUT /api/apps/${name}`, text, json)

const putTextPatch = (name: string, text: string) => send(`PATCH /api/apps/${name}`, text, json)

describe("documents", () => {
  it("come back as they were put, with their name and their revision", async () => {
    const stored = await put("first", { theme: "dark" })
    expect(stored).toMatchObject({ status: 204, text: "" })
    const got = await send("GET /api/apps/first")
    expect(got.text).toBe('{"name":"first","data":{"theme":"dark"}}')
    expect(got.revision).toBe(stored.revision)
  })

  it("keep every number as it was written, beyond what a double holds too", async () => {
    const data = '{"big":12345678901234567890,"one":1.0,"tiny":1e-400,"huge":1e400,"plain":7}'
    await putText("exact", `{"data":${data}}`)
    expect((await send("GET /api/apps/exact")).text).toBe(`{"name":"exact","data":${data}}`)
  })

  it("keep nulls, nesting, key order, non-ASCII text and members with special names", async () => {
    const data = '{"z":null,"a":{"b":[1,[null,{"__proto__":{"x":1}}]]},"é":"日本🎉","toString":"t"}'
    await putText("odd", `{"data":${data}}`)
    expect((await send("GET /api/apps/odd")).text).toBe(`{"name":"odd","data":${data}}`)
  })

  it("cost at most three rows written each, new or replaced", async () => {
    for (const what of ["new", "replaced"]) {
      const { headers } = await put("rows", { what })
      expect(Number(headers.get("X-Rows-Written")), what).toBeLessThanOrEqual(3)
    }
  })

  it("list in the order of creation; an update keeps the place, delete and put again moves to the end", async () => {
    for (const name of ["l-b", "l-a", "l-c"]) await put(name, {})
    const names = async () =>
      (await send("GET /api/apps")).json
        .map((entry: { name: string }) => entry.name)
        .filter((name: string) => name.startsWith("l-"))
    expect(await names()).toEqual(["l-b", "l-a", "l-c"])
    await put("l-b", { changed: true })
    expect(await names()).toEqual(["l-b", "l-a", "l-c"])
    await send("DELETE /api/apps/l-b")
    await put("l-b", {})
    expect(await names()).toEqual(["l-a", "l-c", "l-b"])
  })

  it("are listed with and without the slash at the end", async () => {
    expect((await send("GET /api/apps/")).text).toBe((await send("GET /api/apps")).text)
  })

  it("are gone after a delete, which is fine twice", async () => {
    await put("gone", {})
    expect((await send("DELETE /api/apps/gone")).status).toBe(204)
    expect((await send("DELETE /api/apps/gone")).status).toBe(204)
    expect((await send("GET /api/apps/gone")).json).toMatchObject({
      status: 404,
      code: "not_found",
      name: null,
      data: null,
    })
  })

  it("take any name that can be written in a path", async () => {
    for (const name of ["My App", "日本", "a+b", "a/b", "100%", "q?x=1#y", "__proto__", "'\"<>"]) {
      const uri = `/api/apps/${encodeURIComponent(name)}`
      expect((await send(`PUT ${uri}`, { data: { name } })).status, name).toBe(204)
      expect((await send(`GET ${uri}`)).json, name).toEqual({ name, data: { name } })
    }
  })

  it("ignore a name and other members in the body: the URL wins", async () => {
    await send("PUT /api/apps/url", { name: "body", data: { a: 1 }, more: true })
    expect((await send("GET /api/apps/url")).json).toEqual({ name: "url", data: { a: 1 } })
    expect((await send("GET /api/apps/body")).status).toBe(404)
  })

  it("can be created under a name that is free, and only then", async () => {
    const created = await send("POST /api/apps/", { name: "a b", data: { n: 1 } })
    expect(created).toMatchObject({ status: 201, json: { name: "a b", data: { n: 1 } } })
    expect(created.headers.get("Location")).toBe("/api/apps/a%20b")
    const again = await send("POST /api/apps/", { name: "a b", data: { n: 2 } })
    expect(again).toMatchObject({ status: 409, json: { code: "conflict" } })
    for (const [name, tag] of Object.entries({ "If-None-Match": "*", "If-Match": '"1"' })) {
      const held = await send("POST /api/apps/", { name: "a b", data: {} }, { [name]: tag })
      expect(held).toMatchObject({ status: 412, json: { current: created.json } })
    }
    expect((await send("GET /api/apps/a%20b")).json.data).toEqual({ n: 1 })
  })
})

describe("documents that JSON could say in two ways", () => {
  it("keep the order of members, those called like numbers too, over HTTP and over a socket", async () => {
    const data =
      '{"b":1,"10":{"2":[],"1":1.0},"1":12345678901234567890,"":{"__proto__":null},"a":-0}'
    await putText("order", ` { "data" : ${data.replaceAll(",", " , ")} } `)
    expect((await send("GET /api/apps/order")).text).toBe(`{"name":"order","data":${data}}`)
    const created = await send("POST /api/apps/", `{"data":${data},"name":"order2"}`, json)
    expect(created.text).toBe(`{"name":"order2","data":${data}}`)
    const talker = await connect()
    talker.say(
      `{"id":1,"event":"create","uri":"/api/apps/","attributes":{"name":"order3","data":${data}}}`,
    )
    await talker.reply(1)
    talker.say(
      `{"id":2,"event":"patch","uri":"/api/apps/order3","patch":{"data":{"0":${data},"1":1.50}}}`,
    )
    await talker.reply(2)
    expect((await send("GET /api/apps/order3")).text).toBe(
      `{"name":"order3","data":${data.replace("12345678901234567890", "1.50").slice(0, -1)},"0":{"b":1,"10":{"2":[],"1":1.0},"1":12345678901234567890,"":{},"a":-0}}}`,
    )
    talker.socket.close()
  })

  it("are refused with the place: a member given twice, half a surrogate pair", async () => {
    for (const [body, pointer] of [
      ['{"data":{"a":[{"b":1,"b":1}]}}', "/data/a/0/b"],
      ['{"data":{"a/b":{"\\u0061":1,"a":2}}}', "/data/a~1b/a"],
      ['{"data":{},"data":{}}', "/data"],
      ['{"data":{"text":"\\ud800"}}', "/data/text"],
      ['{"data":{"\\udc00":1}}', "/data"],
    ] as const) {
      const refusal = {
        status: 422,
        json: { code: "unprocessable", errors: { [pointer]: expect.any(String) } },
      }
      expect(await putText("twice", body), body).toMatchObject(refusal)
      expect(await send("PATCH /api/apps/order", body, json), body).toMatchObject(refusal)
      expect(await send("POST /todo/", `{"text":"x",${body.slice(1)}`, json), body).toMatchObject(
        refusal,
      )
      const talker = await connect()
      talker.say(`{"id":7,"event":"create","uri":"/api/apps/","attributes":${body}}`)
      expect(await talker.reply(7)).toMatchObject({
        ok: false,
        problem: { status: 422, errors: { [`/attributes${pointer}`]: expect.any(String) } },
      })
      talker.socket.close()
    }
    expect((await send("GET /api/apps/twice")).status).toBe(404)
    const name = await send("POST /api/apps/", '{"name":"\\ud800","data":{}}', json)
    expect(name).toMatchObject({ status: 422, json: { errors: { "/name": expect.any(String) } } })
  })

  it("keep escapes that text needs, and no others", async () => {
    const data =
      '{"nul":"a\\u0000b","quote\\"":"\\\\","line\\n":"\\u007f\u007f","\\u0065\\/":"\\ud83c\\udf89"}'
    await putText("escapes", `{"data":${data}}`)
    const kept = '{"nul":"a\\u0000b","quote\\"":"\\\\","line\\n":"\u007f\u007f","e/":"🎉"}'
    expect((await send("GET /api/apps/escapes")).text).toBe(`{"name":"escapes","data":${kept}}`)
    await send(
      "PATCH /api/apps/escapes",
      '{"data":{"quot\\u0065\\"":1,"nul":null,"line\\u000a":"\\u0000"}}',
      json,
    )
    expect((await send("GET /api/apps/escapes")).text).toBe(
      '{"name":"escapes","data":{"quote\\"":1,"line\\n":"\\u0000","e/":"🎉"}}',
    )
  })
})

describe("patches of documents", () => {
  it("merge as RFC 7396 says, exactly", async () => {
    await putText("p", '{"data":{"keep":1.50,"drop":1,"deep":{"x":1,"y":[1,2]}}}')
    const patch = '{"data":{"drop":null,"deep":{"y":[3],"z":99999999999999999999}}}'
    const patched = await send("PATCH /api/apps/p", patch, {
      "Content-Type": "application/merge-patch+json",
    })
    expect(patched.status).toBe(204)
    const got = await send("GET /api/apps/p")
    expect(got.text).toBe(
      '{"name":"p","data":{"keep":1.50,"deep":{"x":1,"y":[3],"z":99999999999999999999}}}',
    )
    expect(got.revision).toBe(patched.revision)
  })

  it("need a document to patch", async () => {
    const answer = await send("PATCH /api/apps/nobody", { data: { a: 1 } })
    expect(answer).toMatchObject({ status: 404, json: { code: "not_found" } })
  })

  it("that come at once are all kept", async () => {
    await put("many", {})
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        send("PATCH /api/apps/many", { data: { [`n${n}`]: n } }),
      ),
    )
    expect(Object.keys((await send("GET /api/apps/many")).json.data)).toHaveLength(50)
  })

  it("cannot grow a document past its limit", async () => {
    await put("grow", { a: "x".repeat(1_000_000) })
    const answer = await send("PATCH /api/apps/grow", { data: { b: "y".repeat(1_000_000) } })
    expect(answer).toMatchObject({ status: 413, json: { code: "too_large", limit: 1_900_000 } })
    expect(Object.keys((await send("GET /api/apps/grow")).json.data)).toEqual(["a"])
  })
})

describe("conditions on documents", () => {
  it("answer 304 to who has the revision already", async () => {
    const { revision } = await put("cached", { a: 1 })
    for (const tag of [`"${revision}"`, `W/"${revision}"`, `"1234567", "${revision}"`, "*"]) {
      const answer = await send("GET /api/apps/cached", undefined, { "If-None-Match": tag })
      expect(answer, tag).toMatchObject({ status: 304, text: "" })
    }
    const other = await send("GET /api/apps/cached", undefined, { "If-None-Match": '"other"' })
    expect(other.status).toBe(200)
  })

  it("refuse a write from an old revision with 412 and what is there now", async () => {
    const { revision: old } = await put("cas", { n: 1 })
    const { revision } = await put("cas", { n: 2 }, { "If-Match": `"${old}"` })
    for (const request of ["PUT /api/apps/cas", "PATCH /api/apps/cas", "DELETE /api/apps/cas"]) {
      const body = request.startsWith("DELETE") ? undefined : { data: { n: 3 } }
      const answer = await send(request, body, { "If-Match": `"${old}"` })
      expect(answer, request).toMatchObject({
        status: 412,
        revision,
        json: { code: "precondition_failed", current: { name: "cas", data: { n: 2 } } },
      })
    }
    expect((await send("GET /api/apps/cas")).revision).toBe(revision)
  })

  it("tell in a 412 what happened since, as long as the journal can", async () => {
    const { revision: first } = await put("since", { a: 1 })
    const patched = await putTextPatch("since", '{"data":{"10":1.0,"1":2}}')
    await put("another", {})
    const replaced = await putText("since", '{"data":{"2":1,"1":1.50}}')
    const refused = (condition: object) =>
      send("PUT /api/apps/since", { data: {} }, { ...condition })
    const answer = await refused({ "If-Match": `"${first}", "1"` })
    expect(answer).toMatchObject({ status: 412, json: { etag: `"${replaced.revision}"` } })
    expect(answer.text).toContain(
      `"changes":[{"revision":${patched.revision},"event":"patch","patch":{"data":{"10":1.0,"1":2}}},` +
        `{"revision":${replaced.revision},"event":"state","resource":{"name":"since","data":{"2":1,"1":1.50}}}]`,
    )
    expect(answer.text).toContain('"current":{"name":"since","data":{"2":1,"1":1.50}}')
    const { revision: gone } = await send("DELETE /api/apps/since")
    expect((await refused({ "If-Match": `"${replaced.revision}"` })).json).toMatchObject({
      current: null,
      changes: [{ revision: gone, event: "delete" }],
    })
    // A revision that never was, any revision, and a document too large for the journal.
    await put("since", { text: "x".repeat(70_000) })
    for (const condition of [
      { "If-Match": '"other"' },
      { "If-None-Match": "*" },
      { "If-Match": `"${gone}"` },
    ]) {
      const { json: problem } = await refused(condition)
      expect(problem).toMatchObject({ status: 412, current: { name: "since" } })
      expect(problem).not.toHaveProperty("changes")
    }
  })

  it("let If-None-Match: * create and never replace", async () => {
    expect((await put("nx", { n: 1 }, { "If-None-Match": "*" })).status).toBe(204)
    const again = await put("nx", { n: 2 }, { "If-None-Match": "*" })
    expect(again).toMatchObject({ status: 412, json: { current: { data: { n: 1 } } } })
  })

  it("let If-Match with a revision never create, nor delete what is not there", async () => {
    const { revision } = await put("was", {})
    await send("DELETE /api/apps/was")
    for (const request of ["PUT /api/apps/was", "PATCH /api/apps/was", "DELETE /api/apps/was"]) {
      const body = request.startsWith("DELETE") ? undefined : { data: {} }
      const answer = await send(request, body, { "If-Match": `"${revision}"` })
      expect(answer, request).toMatchObject({ status: 412, json: { current: null } })
    }
    expect((await send("GET /api/apps/was")).status).toBe(404)
  })

  it("let If-Match: * replace and never create", async () => {
    const answer = await put("xx", {}, { "If-Match": "*" })
    expect(answer).toMatchObject({ status: 412, json: { current: null } })
    expect((await send("GET /api/apps/xx")).status).toBe(404)
  })
})

describe("field masks", () => {
  it("choose the members of an answer, in their order", async () => {
    await put("mask", { a: 1 })
    const masked = async (mask: string) =>
      (await send("GET /api/apps/mask", undefined, { "X-Fields": mask })).text
    expect(await masked("name")).toBe('{"name":"mask"}')
    expect(await masked("{data}")).toBe('{"data":{"a":1}}')
    expect(await masked("data,name")).toBe('{"data":{"a":1},"name":"mask"}')
    expect(await masked("data{a}")).toBe('{"data":{"a":1}}')
    for (const mask of ["*", "", " "]) expect(await masked(mask)).toContain('"name":"mask","data"')
    for (const mask of ["{}", "unknown", "toString"]) expect(await masked(mask)).toBe("{}")
  })

  it("hold for the list too", async () => {
    const answer = await send("GET /api/apps", undefined, { "X-Fields": "data" })
    expect(new Set(answer.json.map((entry: object) => JSON.stringify(entry)))).toEqual(
      new Set(["{}"]),
    )
  })

  it("that are malformed are refused with the reason", async () => {
    for (const [mask, reason] of [
      ["{name", "Missing closing bracket"],
      ["name}", "Missing opening bracket"],
      ["name,,data", "Unexpected comma"],
      [",", "Unexpected comma"],
      ["data{a", "Missing closing bracket"],
    ] as const) {
      const answer = await send("GET /api/apps/mask", undefined, { "X-Fields": mask })
      expect(answer.json, mask).toMatchObject({
        status: 400,
        message: `Mask parse error: ${reason}`,
      })
    }
  })
})

describe("bad documents", () => {
  it("are refused with the path of what is wrong, and nothing is stored", async () => {
    const cases: [body: string, path: string, word: RegExp][] = [
      ["{}", "data", /must be given, got nothing/],
      ['{"foo":1}', "data", /must be given/],
      ['{"data":"hello"}', "data", /must be an object, got "hello"/],
      ['{"data":null}', "data", /got null/],
      ['{"data":[1,2]}', "data", /got \[1,2\]/],
      ['{"data":1.0}', "data", /got 1.0/],
      ["[1,2]", "", /must be an object/],
      ['"text"', "", /must be an object/],
      ["null", "", /must be an object/],
    ]
    for (const [body, path, word] of cases) {
      const answer = await putText("bad", body)
      expect(answer.json, body).toMatchObject({
        status: 400,
        code: "invalid_request",
        message: "Input payload validation failed",
        errors: { [path]: expect.stringMatching(word) },
      })
    }
    expect((await send("GET /api/apps/bad")).status).toBe(404)
  })

  it("and bad queries are told as they were sent, with what was wished for", async () => {
    for (const [request, place, wrong] of [
      ["GET /api/apps/?limit=ten", "query.limit", 'must be a number, got "ten"'],
      ["GET /api/apps/?limit=1.5", "query.limit", 'must be an integer, got "1.5"'],
      ["GET /api/apps/?limit=0", "query.limit", 'must be at least 1, got "0"'],
      ["GET /api/apps/?limit=99999", "query.limit", 'must be at most 10000, got "99999"'],
      ["GET /api/apps/?count=yes", "query.count", 'must be one of "0", "1", got "yes"'],
      ["GET /api/apps/x/diff", "query.from", "must be given, got nothing"],
      ["GET /api/apps/x?as_of=", "query.as_of", 'must not be empty, got ""'],
    ] as const) {
      const answer = await send(request)
      expect(answer.json, request).toMatchObject({
        status: 400,
        detail: `"${place}" is wrong: ${wrong}`,
        errors: { [place]: wrong },
      })
    }
    const restored = await send("POST /api/apps/x/restore", {})
    expect(restored.json.errors.as_of).toMatch(/a revision or a time/)
  })

  it("that are not JSON are refused with the place", async () => {
    for (const [body, reason] of [
      ["", "it is empty"],
      ["{", "it ends too soon, after character 1"],
      ['{"data":{}} x', 'unexpected "x" at character 13'],
      ["{'data':{}}", 'unexpected "\'" at character 2'],
      ['{"data":NaN}', 'unexpected "N" at character 9'],
      ['{"data":\n{"a":1,}\n}', 'unexpected "}" at line 2, character 8'],
      ["\u0000", 'unexpected "\\u0000" at character 1'],
    ] as const) {
      const answer = await putText("bad", body)
      const detail = `The body must be JSON: ${reason}`
      expect(answer.json, body).toMatchObject({ status: 400, code: "invalid_json", detail })
    }
    const bytes = new Uint8Array([0x7b, 0x22, 0xff, 0xfe])
    const { exports } = await import("cloudflare:workers")
    const answer = await exports.default.fetch("https://tidemark.test/api/apps/bad", {
      method: "PUT",
      body: bytes,
      headers: { "Content-Type": "application/json" },
    })
    expect(await answer.json()).toMatchObject({
      status: 400,
      detail: "The body must be UTF-8 text",
    })
  })

  it("of another type are refused with the type that is wanted", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/json-patch+json",
    ]) {
      const answer = await send("PUT /api/apps/bad", '{"data":{}}', { "Content-Type": type })
      expect(answer.json, type).toMatchObject({ status: 415, accepted: ["application/json"] })
    }
    for (const type of ["application/json; charset=utf-8", "application/vnd.api+json"]) {
      const answer = await send("PUT /api/apps/good", '{"data":{}}', { "Content-Type": type })
      expect(answer.status, type).toBe(204)
    }
  })

  it("that are too large are refused with the limit", async () => {
    const answer = await put("large", { text: "x".repeat(1_900_000) })
    expect(answer).toMatchObject({ status: 413, json: { code: "too_large", limit: 1_900_000 } })
    expect((await send("GET /api/apps/large")).status).toBe(404)
    expect((await put("large", { text: "x".repeat(8_000_000) })).json.limit).toBe(8_000_000)
  })

  it("may be as large as the limit says, however they are written", async () => {
    const full = `{"text":"${"é".repeat((1_900_000 - 11) / 2)}"}`
    const escaped = full.replaceAll("é", String.raw`\u00e9`)
    const more = full.replace('"}', 'xx"}')
    for (const type of ["application/json", "application/merge-patch+json"]) {
      const method = type === "application/json" ? "PUT" : "PATCH"
      const write = (data: string) =>
        send(`${method} /api/apps/full`, `{ "data": ${data} }`, { "Content-Type": type })
      expect((await write(escaped)).status, type).toBe(204)
      expect((await send("GET /api/apps/full/data")).text).toBe(full)
      expect(await write(more), type).toMatchObject({ status: 413, json: { limit: 1_900_000 } })
    }
    const replaced = [{ op: "replace", path: "/data/text", value: "é".repeat(949_994) }]
    const jsonPatch = { "Content-Type": "application/json-patch+json" }
    const patched = await send("PATCH /api/apps/full", JSON.stringify(replaced), jsonPatch)
    expect(patched.status, patched.text).toBe(204)
    for (const value of ["é".repeat(950_000), "é".repeat(2_000_000)]) {
      const operations = JSON.stringify([{ op: "replace", path: "/data/text", value }])
      const answer = await send("PATCH /api/apps/full", operations, jsonPatch)
      expect(answer).toMatchObject({ status: 413, json: { limit: 1_900_000 } })
    }
  })

  it("may come zipped", async () => {
    const { exports } = await import("cloudflare:workers")
    const text = new Blob(['{"data":{"zipped":1.0}}']).stream()
    const zipped = await new Response(text.pipeThrough(new CompressionStream("gzip"))).arrayBuffer()
    const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" }
    const uri = "https://tidemark.test/api/apps/zipped"
    const answer = await exports.default.fetch(uri, { method: "PUT", body: zipped, headers })
    expect(answer.status).toBe(204)
    expect((await send("GET /api/apps/zipped/data")).text).toBe('{"zipped":1.0}')
    const broken = await send("PUT /api/apps/zipped", "no gzip", headers)
    expect(broken.status).toBe(400)
    const other = { ...headers, "Content-Encoding": "br" }
    expect((await send("PUT /api/apps/zipped", "{}", other)).status).toBe(415)
  })

  it("that nest too deep are refused with the depth, however deep", async () => {
    const nested = (depth: number) => `{"data":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`
    expect((await putText("deep", nested(99))).status).toBe(204)
    for (const depth of [100, 100_000]) {
      const answer = await putText("deep", nested(depth))
      expect(answer.json).toMatchObject({ status: 422, code: "unprocessable", limit: 100 })
    }
    expect((await putText("deep", `{"data":{"text":"${"[{".repeat(500)}\\""}}`)).status).toBe(204)
  })

  it("with names that are too long or cannot be decoded are refused", async () => {
    expect((await put("n".repeat(512), {})).status).toBe(204)
    for (const name of ["n".repeat(513), encodeURIComponent("é".repeat(257))]) {
      const answer = await put(name, {})
      expect(answer.json).toMatchObject({
        status: 400,
        errors: { "path.name": expect.any(String) },
      })
    }
    expect((await send("GET /api/apps/%E0%A4%A")).json).toMatchObject({ status: 400 })
    // No URL can hold a segment of dots: parsers take it away, encoded or not.
    for (const name of ["n".repeat(513), "", ".", ".."]) {
      const answer = await send("POST /api/apps/", { name, data: {} })
      expect(answer.json, name).toMatchObject({ status: 400, errors: { name: expect.any(String) } })
    }
  })
})

describe("a condition on a document that is not there", () => {
  it("fails when it names revisions, whatever the write", async () => {
    const held = { "If-Match": '"5"' }
    expect((await put("nobody-yet", {}, held)).status).toBe(412)
    expect((await send("DELETE /api/apps/nobody-yet", undefined, held)).status).toBe(412)
    expect((await send("PUT /api/apps/nobody-yet", { data: {} }, { "If-Match": "x" })).status).toBe(
      412,
    )
    expect((await send("GET /api/apps/nobody-yet")).status).toBe(404)
  })
})
