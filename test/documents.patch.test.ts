/** PATCH of documents: RFC 6902 with `inc`, its failures, and what happens when many write at once. */
import { env } from "cloudflare:workers"
import suite from "json-patch-test-suite/tests.json"
import examples from "json-patch-test-suite/spec_tests.json"
import { describe, expect, it } from "vitest"
import { createServices } from "../src/app.ts"
import { applied, operationsOf } from "../src/documents/jsonpatch.ts"
import { merged } from "../src/lib/merge.ts"
import { parseTree, textOf as textOfTree } from "../src/lib/tree.ts"
import { send, type Sent } from "./helpers.ts"
import { chance } from "./live.world.ts"
import { MERGES } from "./merges.ts"

const JSON_PATCH = { "Content-Type": "application/json-patch+json" }
const put = (name: string, data: unknown) => send(`PUT /api/apps/${name}`, { data })
const dataOf = async (name: string) => (await send(`GET /api/apps/${name}`)).json.data
const textOf = async (name: string) =>
  (await send(`GET /api/apps/${name}/data`)).text.replaceAll("\n", "")

function patch(name: string, operations: unknown, headers = {}): Promise<Sent> {
  const body = typeof operations === "string" ? operations : JSON.stringify(operations)
  return send(`PATCH /api/apps/${name}`, body, { ...JSON_PATCH, ...headers })
}

const put1 = (name: string, text: string) =>
  send(`PUT /api/apps/${name}`, `{"data":${text}}`, { "Content-Type": "application/json" })

describe("the public suite of JSON Patch over HTTP", () => {
  const below = (pointer: unknown) =>
    typeof pointer === "string" && (pointer === "" || pointer.startsWith("/"))
      ? `/data/doc${pointer}`
      : pointer
  const cases = [...suite, ...examples].filter((one) => !("disabled" in one && one.error))

  it("does what it says, or refuses and changes nothing", async () => {
    for (const [at, one] of (cases as any[]).entries()) {
      const name = `suite-${at}`
      await put(name, { doc: one.doc })
      const operations = one.patch.map((operation: any) => ({
        ...operation,
        ...("path" in operation ? { path: below(operation.path) } : {}),
        ...("from" in operation ? { from: below(operation.from) } : {}),
      }))
      const answer = await patch(name, operations)
      const told = `${at} ${one.comment ?? one.error}: ${answer.text}`
      if (one.error !== undefined) {
        expect([400, 409, 422], told).toContain(answer.status)
        expect(await dataOf(name), told).toEqual({ doc: one.doc })
      } else {
        expect(answer.status, told).toBe(204)
        if ("expected" in one) expect(await dataOf(name), told).toEqual({ doc: one.expected })
      }
    }
  })
})

describe("the appendix of RFC 7396 over HTTP", () => {
  // A document's data is an object, so that the cases are a member of it; `null` takes that away.
  it.each(MERGES)("%s and %s are %s", async (target, patch_, result) => {
    const after = result === "null" ? "{}" : `{"doc":${result}}`
    await put1("merge", `{"doc":${target}}`)
    const type = { "Content-Type": "application/merge-patch+json" }
    const answer = await send("PATCH /api/apps/merge", `{"data":{"doc":${patch_}}}`, type)
    expect(answer.status).toBe(204)
    expect(await textOf("merge")).toBe(after)
    await put1("merge", `{"doc":${target}}`)
    expect((await send("PATCH /api/apps/merge/data/doc", patch_, type)).status).toBe(204)
    expect(await textOf("merge")).toBe(`{"doc":${result}}`)
  })
})

describe("JSON patches of documents", () => {
  it("keep order and digits, whether the database applies them or the Worker", async () => {
    const text = '{"b":1.0,"10":12345678901234567890,"list":[1e400,{"2":1,"1":2}],"a":{"x":1}}'
    for (const [name, operations, expected] of [
      [
        "in-sql",
        '[{"op":"add","path":"/data/a/y","value":{"1":1.50,"0":null}}]',
        '"a":{"x":1,"y":{"1":1.50,"0":null}}}',
      ],
      [
        "in-worker",
        '[{"op":"add","path":"/data/a/0","value":{"1":1.50,"0":null}}]',
        '"a":{"x":1,"0":{"1":1.50,"0":null}}}',
      ],
    ] as const) {
      await put1(name, text)
      const patched = await patch(name, operations)
      expect(await textOf(name)).toBe(text.replace('"a":{"x":1}}', expected))
      expect((await send(`GET /api/apps/${name}`)).revision).toBe(patched.revision)
    }
  })

  it("are all or nothing; what fails is named by its index and its pointer", async () => {
    const good = { op: "add", path: "/data/good", value: 1 }
    for (const [operation, status, pointer] of [
      [{ op: "test", path: "/data/n", value: 2 }, 409, "/data/n"],
      [{ op: "test", path: "/data/none", value: 2 }, 409, "/data/none"],
      [{ op: "remove", path: "/data/none" }, 409, "/data/none"],
      [{ op: "replace", path: "/data/none", value: 1 }, 409, "/data/none"],
      [{ op: "add", path: "/data/none/x", value: 1 }, 409, "/data/none"],
      [{ op: "add", path: "/data/list/3", value: 1 }, 409, "/data/list/3"],
      [{ op: "add", path: "/data/n/x", value: 1 }, 409, "/data/n/x"],
      [{ op: "move", from: "/data/o", path: "/data/o/x" }, 409, "/data/o/x"],
      [{ op: "inc", path: "/data/text", value: 1 }, 422, "/data/text"],
      [{ op: "inc", path: "/data/yes", value: 1 }, 422, "/data/yes"],
      [{ op: "inc", path: "/data/most", value: 1 }, 422, "/data/most"],
      [{ op: "replace", path: "/name", value: "other" }, 422, "/name"],
      [{ op: "remove", path: "/data" }, 422, "/data"],
      [{ op: "replace", path: "/data", value: [] }, 422, "/data"],
      [{ op: "replace", path: "", value: 5 }, 422, "/data"],
      [{ op: "add", path: "/more", value: 5 }, 422, ""],
    ] as const) {
      const data = { n: 1, text: "t", yes: true, list: [1, 2], o: {} }
      await put1("failing", JSON.stringify(data).replace("{", '{"most":9223372036854775807,'))
      const { revision } = await send("GET /api/apps/failing")
      const answer = await patch("failing", [good, operation])
      expect(answer, JSON.stringify(operation)).toMatchObject({
        status,
        json: { index: 1, pointer },
      })
      expect((await send("GET /api/apps/failing")).revision).toBe(revision)
    }
  })

  it("that are malformed are a 400 which names the operation", async () => {
    await put("malformed", {})
    for (const [operations, place] of [
      ["{}", ""],
      ['[{"op":"spam","path":""}]', "0.op"],
      ['[{"op":"add","path":"/data/a"}]', "0.value"],
      ['[{"op":"add","path":"/data/~2","value":1}]', "0.path"],
      ['[{"op":"remove","path":"a"}]', "0.path"],
      ['[{"op":"move","path":"/data/a"}]', "0.from"],
      ['[{"op":"inc","path":"/data/a","value":"1"}]', "0.value"],
    ] as const) {
      const answer = await patch("malformed", operations)
      expect(answer, operations).toMatchObject({
        status: 400,
        json: { errors: { [place]: expect.any(String) } },
      })
    }
    const many = await patch(
      "malformed",
      Array.from({ length: 1001 }, () => ({ op: "test", path: "/data", value: {} })),
    )
    expect(many.status).toBe(400)
    expect(
      await patch("malformed", '[{"op":"add","path":"/data/a","value":{"x":1,"x":1}}]'),
    ).toMatchObject({
      status: 422,
      json: { errors: { "/0/value/x": expect.any(String) } },
    })
  })

  it("need a document, and hold to the conditions", async () => {
    const inc = [{ op: "inc", path: "/data/n", value: 1 }]
    const insert = [{ op: "add", path: "/data/list/0", value: 1 }]
    for (const operations of [inc, insert]) {
      expect((await patch("nobody", operations)).status).toBe(404)
      const { revision } = await put("held", { n: 1, list: [] })
      expect(await patch("held", operations, { "If-Match": `"${revision! - 1}"` })).toMatchObject({
        status: 412,
        revision,
        json: { current: { data: { n: 1 } } },
      })
      expect((await patch("held", operations, { "If-None-Match": "*" })).status).toBe(412)
      expect((await patch("held", operations, { "If-Match": `"${revision}"` })).status).toBe(204)
    }
    expect(await dataOf("held")).toEqual({ n: 1, list: [1] })
  })

  it("may change the whole of it, and keep the name", async () => {
    await put("whole", { a: 1 })
    expect(
      (
        await patch("whole", [
          { op: "replace", path: "", value: { name: "whole", data: { b: 2 } } },
        ])
      ).status,
    ).toBe(204)
    expect(await dataOf("whole")).toEqual({ b: 2 })
    expect((await send("PATCH /api/apps/whole", { name: "whole" })).status).toBe(204)
    expect((await send("PATCH /api/apps/whole", { name: "other" })).status).toBe(422)
    expect((await send("PATCH /api/apps/whole", { theme: "forgot data" })).status).toBe(400)
  })

  it("cannot grow a document past its limits", async () => {
    const nested = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`)
    await put("limits", { deep: nested(50), text: "x".repeat(1_000_000), list: [] })
    for (const path of ["/data/text2", "/data/list/0"]) {
      const large = await patch("limits", [{ op: "add", path, value: "y".repeat(900_000) }])
      expect(large).toMatchObject({ status: 413, json: { limit: 1_900_000 } })
      const copies = await patch("limits", [
        { op: "copy", from: "/data/text", path: path === "/data/list/0" ? path : "/data/copy" },
      ])
      expect(copies).toMatchObject({ status: 413, json: { limit: 1_900_000 } })
    }
    const place = `/data/deep${"/a".repeat(50)}`
    expect(
      (await patch("limits", [{ op: "replace", path: place, value: nested(48) }])).status,
    ).toBe(204)
    for (const operation of [
      { op: "replace", path: place, value: nested(49) },
      { op: "move", from: "/data/deep", path: "/data/list/0" },
    ]) {
      const answer = await patch("limits", [operation])
      expect(answer, operation.op).toMatchObject({
        status: 422,
        json: { detail: expect.stringMatching(/100 levels/) },
      })
    }
  })
})

describe("patches of members with odd names", () => {
  const NAMES = [
    "a",
    "ab",
    "",
    "-",
    "1",
    "a.b",
    '"',
    "\\",
    "$",
    "[0]",
    "\u0001",
    "\n",
    "\ufeff",
    "é",
  ]

  it.each([1, 2, 3])("are in SQL what they are in code (seed %i)", async (seed) => {
    const random = chance(seed)
    const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
    const value = (depth: number): string =>
      depth < 3 && random(2) === 0
        ? object(depth + 1)
        : pick(["null", "true", "1.0", "-0", "9223372036854775807", '"\\u0000"', "[]", "[null,{}]"])
    const object = (depth: number): string => {
      const names = NAMES.filter(() => random(4) === 0)
      return `{${names.map((name) => `${JSON.stringify(name)}:${value(depth)}`).join()}}`
    }
    const operation = () => {
      const names = Array.from({ length: 1 + random(2) }, () => pick(NAMES))
      const path = JSON.stringify(["/data", ...names].join("/"))
      const op = pick(["add", "add", "replace", "remove", "inc", "test"])
      const given = op === "inc" ? pick(["1", "0.5", "-3"]) : value(1)
      return `{"op":"${op}","path":${path}${op === "remove" ? "" : `,"value":${given}`}}`
    }
    let done = 0
    for (let step = 0; step < 60; step++) {
      const before = `{"name":"odd","data":${object(0)}}`
      await send("PUT /api/apps/odd", before, { "Content-Type": "application/json" })
      const isMerge = random(3) === 0
      const body = isMerge ? `{"data":${object(0)}}` : `[${operation()},${operation()}]`
      let expected = before
      let status = 204
      try {
        expected = textOfTree(
          isMerge
            ? merged(parseTree(before), parseTree(body))
            : applied(parseTree(before), operationsOf(parseTree(body)), 1e6),
        )
        done++
      } catch {
        status = 400
      }
      const type = isMerge ? { "Content-Type": "application/merge-patch+json" } : JSON_PATCH
      const answer = await send("PATCH /api/apps/odd", body, type)
      const told = `${before} ${body}: ${answer.text}`
      expect(Math.min(answer.status, 400), told).toBe(status)
      expect((await send("GET /api/apps/odd")).text, told).toBe(expected)
    }
    expect(done).toBeGreaterThan(10)
  })
})

describe("members whose names SQLite cannot tell from others, as they end at U+0000 to it,", () => {
  const bad = '"a\\u0000b"'
  const at = "/data/o/a\u0000b"
  const lines = { "Content-Type": "application/x-ndjson" }

  it.each([
    ["PUT /api/apps/nul", `{"data":{"o":{${bad}:1}}}`, {}],
    ["PATCH /api/apps/nul", `{"data":{"o":{${bad}:null}}}`, {}],
    ["POST /api/apps/", `{"name":"nul-2","data":{"o":{${bad}:1}}}`, {}],
    ["PATCH /api/apps/nul", `[{"op":"add","path":"/data/o/a\\u0000b","value":1}]`, JSON_PATCH],
    ["PATCH /api/apps/nul", `[{"op":"add","path":"/data/o","value":{${bad}:1}}]`, JSON_PATCH],
    ["PUT /api/apps/nul/data/o", `{${bad}:1}`, {}],
    ["PUT /api/apps/nul/data/o/a%00b", "1", {}],
    ["PATCH /api/apps/nul/data/o", `{${bad}:1}`, {}],
  ])(
    "are refused with the place, and nothing is changed: %s %s",
    async (request, body, headers) => {
      const { revision } = await put1("nul", '{"o":{"a":"\\u0000"}}')
      const type = { "Content-Type": "application/json", ...headers }
      const answer = await send(request, body, type)
      expect(answer).toMatchObject({ status: 422, json: { code: "unprocessable" } })
      expect(answer.json.errors).toEqual({ [at]: expect.stringContaining("U+0000") })
      expect(await send("GET /api/apps/nul/data")).toMatchObject({
        text: '{"o":{"a":"\\u0000"}}',
        revision,
      })
    },
  )

  it("are refused in an import, too", async () => {
    const line = `{"name":"nul-3","data":{${bad}:1}}`
    const answer = await send("POST /api/import/apps", line, lines)
    expect(answer).toMatchObject({ status: 422 })
    expect(answer.json.errors["line.1"]).toContain("U+0000")
  })
})

describe("inc", () => {
  const inc = (name: string, path: string, value: unknown, headers = {}) =>
    patch(name, `[{"op":"inc","path":"${path}","value":${value}}]`, headers)

  it("adds to what is there, or to nothing", async () => {
    await put1("inc", '{"n":1,"big":9007199254740993,"half":0.5,"o":{"1":4}}')
    await inc("inc", "/data/n", -3)
    await inc("inc", "/data/big", 2)
    await inc("inc", "/data/half", 0.25)
    await inc("inc", "/data/o/1", "9223372036854775000")
    await inc("inc", "/data/o/new", 7)
    expect(await textOf("inc")).toBe(
      '{"n":-2,"big":9007199254740995,"half":0.75,"o":{"1":9223372036854775004,"new":7}}',
    )
    for (const value of ["9223372036854775807", "1e999", '"1"', "null"]) {
      expect([400, 422]).toContain((await inc("inc", "/data/big", value)).status)
    }
    expect((await inc("inc", "/data/none/x", 1)).status).toBe(409)
  })

  it("of 200 at once are all counted, none of them tried again", async () => {
    await put("counter", { n: 0 })
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => inc("counter", "/data/n", 1)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]))
    expect(new Set(answers.map(({ revision }) => revision)).size).toBe(200)
    const costs = answers.map(({ headers }) => headers.get("Server-Timing"))
    expect(new Set(costs)).toEqual(new Set([expect.stringMatching(/"6 queries/)]))
    expect(await dataOf("counter")).toEqual({ n: 200 })
  })

  it("by the read and the condition of 200 at once ends at exactly 200, too", async () => {
    const first = await put("cas-counter", { n: 0 })
    /** One attempt from what is known; what a 412 carries is all that the next one needs. */
    const attempt = async (known: { n: number; revision: number }) => {
      const answer = await send(
        "PUT /api/apps/cas-counter",
        { data: { n: known.n + 1 } },
        { "If-Match": `"${known.revision}"` },
      )
      if (answer.status === 204) return null
      expect(answer.status).toBe(412)
      return { n: answer.json.current.data.n, revision: answer.revision! }
    }
    const begun = { n: 0, revision: first.revision! }
    const waiting = (await Promise.all(Array.from({ length: 200 }, () => attempt(begun)))).filter(
      (known) => known !== null,
    )
    expect(waiting).toHaveLength(199)
    const goOn = async () => {
      for (let known = waiting.pop(); known; known = waiting.pop()) {
        for (let next: typeof known | null = known; next;) next = await attempt(next)
      }
    }
    await Promise.all(Array.from({ length: 3 }, goOn))
    expect(await dataOf("cas-counter")).toEqual({ n: 200 })
  }, 60_000)
})

describe("patches that must be read first", () => {
  it("are all done when 200 come at once, those that collide in turn", async () => {
    await put("appends", { list: [], counts: [0, 0.5] })
    const changesOf = (n: number) => [
      { op: "add", path: "/data/list/-", value: n },
      { op: "inc", path: "/data/counts/0", value: 1 },
      { op: "inc", path: "/data/counts/1", value: 0.1 },
    ]
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => patch("appends", changesOf(n))),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]))
    const { list, counts } = await dataOf("appends")
    expect(list.toSorted((a: number, b: number) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    )
    expect(counts).toEqual([200, 20.5])
  }, 60_000)

  it("give up after a bounded number of attempts, and say so", async () => {
    const uri = "/api/apps/contended"
    await send(`PUT ${uri}`, { data: { list: [] } })
    let attempts = 0
    const around = { env, now: Date.now, newId: () => "x", poke: () => {} }
    const { apps, feed } = createServices(around as never, new Request("https://tidemark.test/"))
    const { DocumentEditor } = await import("../src/documents/editor.ts")
    const { appShape } = await import("../src/documents/routes.ts")
    const read = apps.get.bind(apps)
    apps.get = async (place) => {
      const document = await read(place)
      await send(`PATCH ${uri}`, { data: { n: ++attempts } })
      return document
    }
    const editor = new DocumentEditor(apps, feed, appShape, {
      now: Date.now,
      pause: async () => {},
    })
    const operation = { op: "add", path: ["data", "list", "-"], value: "1" } as const
    await expect(
      editor.apply(uri, [{ ...operation, path: [...operation.path] }], {}),
    ).rejects.toMatchObject({
      code: "overloaded",
      headers: { "Retry-After": "1" },
    })
    expect(attempts).toBe(6)
  })
})
