/** Sub-documents: GET, PUT, PATCH and DELETE of what is at a JSON Pointer. */
import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"

const json = { "Content-Type": "application/json" }
const JSON_PATCH = { "Content-Type": "application/json-patch+json" }
const put = (name: string, text: string) => send(`PUT /api/apps/${name}`, `{"data":${text}}`, json)
const part = async (uri: string) => (await send(`GET /api/apps/${uri}`)).text

describe("sub-documents", () => {
  it("are read at their pointer, exactly, under the revision of the document", async () => {
    const text =
      '{"b":1.0,"10":{"1":"x","0":[1e400,null,{"deep":true}]},"a/b":{"~":1},"x y":"é","%":2}'
    const { revision } = await put("read", text)
    for (const [pointer, value] of [
      ["", text],
      ["/b", "1.0"],
      ["/10", '{"1":"x","0":[1e400,null,{"deep":true}]}'],
      ["/10/0/1", "null"],
      ["/10/0/2/deep", "true"],
      ["/a~1b", '{"~":1}'],
      ["/a%2Fb/~0", "1"],
      ["/a%7e1b/%7E0", "1"],
      ["/x%20y", '"é"'],
      ["/%25", "2"],
    ]) {
      const got = await send(`GET /api/apps/read/data${pointer}`)
      expect(got, pointer).toMatchObject({ status: 200, text: value, revision })
      const again = await send(`GET /api/apps/read/data${pointer}`, undefined, {
        "If-None-Match": `"${revision}"`,
      })
      expect(again.status).toBe(304)
    }
  })

  it("that are not there are a 404, pointers that are none a 400", async () => {
    await put("absent", '{"list":[1],"__proto__":{}}')
    for (const pointer of [
      "/no",
      "/list/1",
      "/list/-",
      "/list/01",
      "/list/0/x",
      "/toString",
      "/list/length",
    ]) {
      const got = await send(`GET /api/apps/absent/data${pointer}`)
      expect(got, pointer).toMatchObject({ status: 404, json: { code: "not_found" } })
    }
    expect((await send("GET /api/apps/absent/data/__proto__")).text).toBe("{}")
    expect((await send("GET /api/apps/nobody/data/x")).status).toBe(404)
    for (const pointer of ["/~", "/a~2"]) {
      expect((await send(`GET /api/apps/absent/data${pointer}`)).status, pointer).toBe(400)
    }
    expect((await send("GET /api/apps/absent/data/%E0%A4%A")).status).toBe(400)
    expect((await send("POST /api/apps/absent/data/list", "1", json)).status).toBe(405)
  })

  it("are put: members added or replaced in their place, places of arrays replaced or appended", async () => {
    await put("put", '{"b":1,"10":{"x":null},"list":[1,2]}')
    for (const [pointer, value, whole] of [
      ["/b", "2.50", '{"b":2.50,"10":{"x":null},"list":[1,2]}'],
      ["/10/x", '{"1":1,"0":null}', '{"b":2.50,"10":{"x":{"1":1,"0":null}},"list":[1,2]}'],
      ["/list/1", "null", '{"b":2.50,"10":{"x":{"1":1,"0":null}},"list":[1,null]}'],
      ["/list/2", '"end"', '{"b":2.50,"10":{"x":{"1":1,"0":null}},"list":[1,null,"end"]}'],
      ["/list/-", "[]", '{"b":2.50,"10":{"x":{"1":1,"0":null}},"list":[1,null,"end",[]]}'],
      ["/a~1b", "5", '{"b":2.50,"10":{"x":{"1":1,"0":null}},"list":[1,null,"end",[]],"a/b":5}'],
      ["", '{"new":1}', '{"new":1}'],
    ] as const) {
      const stored = await send(`PUT /api/apps/put/data${pointer}`, value, json)
      expect(stored.status, stored.text).toBe(204)
      expect(await part("put/data"), pointer).toBe(whole)
      expect((await send("GET /api/apps/put")).revision).toBe(stored.revision)
    }
  })

  it("are refused where what they are in is not there, and where no document would be left", async () => {
    const { revision } = await put("refused", '{"n":1,"list":[]}')
    for (const [request, status] of [
      ["PUT /api/apps/refused/data/none/x", 404],
      ["PUT /api/apps/refused/data/n/x", 404],
      ["PUT /api/apps/refused/data/list/1", 404],
      ["PUT /api/apps/nobody/data/x", 404],
      ["PATCH /api/apps/refused/data/none", 404],
      ["PUT /api/apps/refused/data", 422],
      ["DELETE /api/apps/refused/data", 422],
    ] as const) {
      const body = request.startsWith("DELETE") ? undefined : "5"
      expect((await send(request, body, json)).status, request).toBe(status)
    }
    // What is no patch is not spoken of as one.
    const whole = (await send("DELETE /api/apps/refused/data")).json
    expect(whole).toMatchObject({ pointer: "/data", detail: expect.not.stringMatching(/patch/) })
    expect(whole.index).toBeUndefined()
    expect((await send("GET /api/apps/refused")).revision).toBe(revision)
  })

  it("with an empty name have no URI, and what they are in is not written in their stead", async () => {
    const { revision } = await put("empty", '{"":1,"a":{"":2}}')
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      for (const pointer of ["/", "/a/"]) {
        const body = method.startsWith("P") ? "{}" : undefined
        const answer = await send(`${method} /api/apps/empty/data${pointer}`, body, json)
        expect(answer, method).toMatchObject({
          status: 400,
          json: { errors: { "path.pointer": expect.stringMatching(/JSON Patch/) } },
        })
      }
    }
    expect((await send("GET /api/apps/empty")).revision).toBe(revision)
    const inc = '[{"op":"inc","path":"/data/a/","value":40}]'
    await send("PATCH /api/apps/empty", inc, JSON_PATCH)
    expect(await part("empty/data")).toBe('{"":1,"a":{"":42}}')
  })

  it("are patched, by merging and by operations that begin at the part", async () => {
    await put("patch", '{"a":{"x":1,"y":2},"list":[{"n":1},{"n":2}]}')
    for (const [pointer, patch, headers, whole] of [
      ["/a", '{"x":null,"1":1.0}', json, '{"a":{"y":2,"1":1.0},"list":[{"n":1},{"n":2}]}'],
      ["/list/1", '{"n":null,"m":3}', json, '{"a":{"y":2,"1":1.0},"list":[{"n":1},{"m":3}]}'],
      ["/a/y", "[null]", json, '{"a":{"y":[null],"1":1.0},"list":[{"n":1},{"m":3}]}'],
      [
        "/list",
        '[{"op":"move","from":"/1","path":"/0"},{"op":"inc","path":"/1/n","value":4}]',
        JSON_PATCH,
        '{"a":{"y":[null],"1":1.0},"list":[{"m":3},{"n":5}]}',
      ],
      [
        "/a",
        '[{"op":"test","path":"/1","value":1},{"op":"remove","path":"/y"}]',
        JSON_PATCH,
        '{"a":{"1":1.0},"list":[{"m":3},{"n":5}]}',
      ],
      [
        "/list/1/n",
        '[{"op":"inc","path":"","value":-5}]',
        JSON_PATCH,
        '{"a":{"1":1.0},"list":[{"m":3},{"n":0}]}',
      ],
    ] as const) {
      const answer = await send(`PATCH /api/apps/patch/data${pointer}`, patch, headers)
      expect(answer.status, answer.text).toBe(204)
      expect(await part("patch/data"), patch).toBe(whole)
    }
    const failed = await send(
      "PATCH /api/apps/patch/data/list",
      '[{"op":"remove","path":"/9"}]',
      JSON_PATCH,
    )
    expect(failed).toMatchObject({ status: 409, json: { index: 0, pointer: "/data/list/9" } })
  })

  it("are read as they were, and are a 404 where they were not", async () => {
    const { revision: first } = await put("past", '{"list":[1.0]}')
    await send("PUT /api/apps/past/data/list/-", "2", json)
    await send("DELETE /api/apps/past/data/list/0")
    const then = await send(`GET /api/apps/past/data/list?as_of=${first}`)
    expect(then).toMatchObject({ status: 200, text: "[1.0]", revision: first })
    expect((await send(`GET /api/apps/past/data/list/1?as_of=${first}`)).status).toBe(404)
    expect((await send("GET /api/apps/past/data/list?as_of=then")).status).toBe(400)
    expect(await part("past/data/list")).toBe("[2]")
  })

  it("are deleted, which is fine where there is nothing", async () => {
    await put("delete", '{"a":{"x":1},"list":[1,2,3]}')
    for (const pointer of ["/a/x", "/list/0"]) {
      const answer = await send(`DELETE /api/apps/delete/data${pointer}`)
      expect(answer).toMatchObject({ status: 204, revision: expect.any(Number) })
    }
    expect(await part("delete/data")).toBe('{"a":{},"list":[2,3]}')
    for (const pointer of ["/a/x", "/list/9", "/no/such"]) {
      const answer = await send(`DELETE /api/apps/delete/data${pointer}`)
      expect(answer, pointer).toMatchObject({ status: 204, revision: undefined })
    }
    expect((await send("DELETE /api/apps/nobody/data/x")).status).toBe(204)
  })

  it("take conditions on the document's revision; a 412 carries the part", async () => {
    for (const request of [
      "PUT /api/apps/cas/data/a/n",
      "PUT /api/apps/cas/data/list/0",
      "PATCH /api/apps/cas/data/a/n",
      "DELETE /api/apps/cas/data/list/0",
    ]) {
      const { revision: old } = await put("cas", '{"a":{"n":1},"list":[1]}')
      const { revision } = await send("PUT /api/apps/cas/data/a/n", "2", json)
      const body = request.startsWith("DELETE") ? undefined : "3"
      const answer = await send(request, body, { ...json, "If-Match": `"${old}"` })
      expect(answer, request).toMatchObject({
        status: 412,
        revision,
        json: {
          current: request.includes("list") ? 1 : 2,
          changes: [{ revision, event: "patch", patch: { data: { a: { n: 2 } } } }],
        },
      })
      expect((await send(request, body, { ...json, "If-Match": `"${revision}"` })).status).toBe(204)
    }
  })

  // The second cannot be said in SQL: it is read, and written where nothing has changed since.
  it.each(["/users/bob", "/users/7", "/list/2"])(
    "take a star as a condition on themselves: %s",
    async (pointer) => {
      const text = '{"users":{"ann":1},"list":[1,2]}'
      const uri = `/api/apps/star/data${pointer}`
      const { revision } = await put("star", text)
      const exists = { ...json, "If-Match": "*" }
      const isNew = { ...json, "If-None-Match": "*" }
      for (const request of ["PUT", "PATCH", "DELETE"]) {
        const body = request === "DELETE" ? undefined : "1"
        const refused = await send(`${request} ${uri}`, body, exists)
        expect(refused, request).toMatchObject({
          status: 412,
          json: { instance: uri, current: null, detail: expect.stringMatching(/does not exist$/) },
        })
      }
      expect((await send(`PUT ${uri}`, "5", { ...isNew, "If-Match": '"1"' })).status).toBe(412)
      expect(await send("GET /api/apps/star/data")).toMatchObject({ text, revision })

      const added = await send(`PUT ${uri}`, "5", { ...isNew, "If-Match": `"${revision}"` })
      expect(added).toMatchObject({ status: 204, revision: revision! + 1 })
      const taken = await send(`PUT ${uri}`, "6", isNew)
      expect(taken).toMatchObject({ status: 412, revision: added.revision, json: { current: 5 } })
      expect((await send(`PUT ${uri}`, "null", exists)).status).toBe(204)
      // What is null is there.
      expect((await send(`PUT ${uri}`, "6", isNew)).status).toBe(412)
      expect((await send(`DELETE ${uri}`, undefined, exists)).status).toBe(204)
      expect((await send("GET /api/apps/star/data")).text).toBe(text)
    },
  )

  it("of which many want the same place go to one", async () => {
    await put("claims", '{"users":{}}')
    for (const member of ["ann", "7"]) {
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          send(`PUT /api/apps/claims/data/users/${member}`, `${n}`, {
            ...json,
            "If-None-Match": "*",
          }),
        ),
      )
      const winners = answers.flatMap(({ status }, n) => (status === 204 ? [n] : []))
      expect(winners).toHaveLength(1)
      expect(answers.filter(({ status }) => status === 412)).toHaveLength(29)
      expect(await part(`claims/data/users/${member}`)).toBe(String(winners[0]))
    }
  })

  it("have no lifetime of their own, and say so", async () => {
    const { revision } = await put("part-life", '{"a":1}')
    for (const request of ["PUT", "PATCH", "DELETE"]) {
      const body = request === "DELETE" ? undefined : "2"
      const answer = await send(`${request} /api/apps/part-life/data/a?expire_in=5m`, body, json)
      expect(answer, request).toMatchObject({
        status: 422,
        json: { errors: { "query.expire_in": expect.stringMatching(/whole document/) } },
      })
    }
    expect((await send("GET /api/apps/part-life")).revision).toBe(revision)
  })
})
