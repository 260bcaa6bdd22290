import * as fc from "fast-check"
import { exports } from "cloudflare:workers"
import { describe, expect, it } from "vitest"
import { endpoints } from "../src/app.ts"
import { connect } from "./conversation.ts"
import { send } from "./helpers.ts"

const SEED = 20150101

const names = fc.oneof(
  fc.constantFrom(
    "a",
    "..",
    "%",
    "%00",
    "%2F",
    "%E0%A4%A",
    "__proto__",
    "null",
    "'; DROP TABLE changes;--",
  ),
  fc
    .string({ maxLength: 20, unit: "binary" })
    .map((text) => encodeURIComponent(text.toWellFormed())),
  fc.integer({ min: 500, max: 600 }).map((length) => "n".repeat(length)),
)

const texts = fc.oneof(
  fc.constantFrom(
    "",
    "{",
    "null",
    "[]",
    "{}",
    "NaN",
    '"text"',
    "1e999",
    "[[[[[[",
    '{"data":{"a":1e400}}',
    '{"data":[]}',
    '{"name":"\\ud800","data":{},"value":"v"}',
    '{"__proto__":{"x":1}}',
    '{"columns":["a","a"],"index":[1],"data":[[1,2]]}',
    '{"columns":["a"],"index":["2015-01-01","x"],"data":[[1],[2]]}',
    '{"v":{"2015-01-01":1,"2015-01-01T00:00Z":2}}',
    '{"schema":{"fields":[]},"data":[{}]}',
    '{"removed":[["a","b"],[]],"rows":5}',
    '{"param":{"scale":1},"scalar":{"headers":["date"],"data":[[1,2]]}}',
    "\u0000\uffff",
    "[".repeat(5_000),
  ),
  fc.json(),
  fc.string({ maxLength: 100 }),
)

const query = fc.oneof(
  fc.constant(""),
  fc.constantFrom(
    "?orient=nope",
    "?orient=table&date_format=epoch",
    "?start=x",
    "?end=now-",
    "?start=9e99&end=-9e99",
    "?a=1&expire_in=abc",
    "?expire_in=5",
    "?k&expire_in=-1",
    "?filter=" + "$".repeat(300),
    "?filter=%28%2B%2A",
    "?limit=0",
    "?limit=1e9&cursor=%00",
    "?%00=%00",
    "?token=x&token=y",
  ),
  fc.webQueryParameters().map((text) => `?${text}`),
)

const header = fc.constantFrom<Record<string, string>>(
  {},
  { "Content-Type": "application/json" },
  { "Content-Type": "text/plain" },
  { "Content-Type": "application/json-patch+json" },
  { "If-Match": '"1"', "Content-Type": "application/json" },
  { "If-Match": "garbage", "If-None-Match": 'W/"x", *', "Content-Type": "application/json" },
  { "If-None-Match": "*", "Content-Type": "application/json" },
  { "X-Fields": "{{{", Accept: "image/png" },
  { "Content-Length": "-1" },
)

describe("bad input", () => {
  it("never makes a 500 or a hang, and every refusal is a problem that says what is wrong", async () => {
    const request = fc.record({
      endpoint: fc.constantFrom(...endpoints),
      names: fc.array(names, { minLength: 2, maxLength: 2 }),
      query,
      header,
      text: texts,
    })
    await fc.assert(
      fc.asyncProperty(
        request,
        async ({ endpoint, names: given, query: asked, header: headers, text }) => {
          const { method, path } = endpoint
          let at = 0
          const uri = path.replace(/:\w+/g, () => given[at++] ?? "") + asked
          const body = method === "GET" || method === "DELETE" ? {} : { body: text }
          const answer = await exports.default.fetch(
            new Request(`https://tidemark.test${uri}`, { method, headers, ...body }),
          )
          const said = await answer.text()
          expect(answer.status, said).toBeLessThan(500)
          if (answer.status < 400) return
          expect(answer.headers.get("Content-Type")).toBe("application/problem+json")
          const problem = JSON.parse(said)
          expect(problem).toMatchObject({ status: answer.status, code: expect.any(String) })
          expect(problem.detail.length).toBeGreaterThan(10)
        },
      ),
      { seed: SEED, numRuns: 1_500 },
    )
  })

  it("over a socket gets one reply each and never closes it", async () => {
    const talker = await connect()
    const frames = fc.sample(
      fc.oneof(
        texts,
        fc
          .record({
            id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constant({})),
            event: fc.constantFrom("subscribe", "unsubscribe", "create", "patch", "delete", "x"),
            uri: fc.oneof(
              fc.constantFrom("/", "/nope", "/keys/x", "/api/store/a/b?orient=x", "//", "%"),
              names,
            ),
            attributes: fc.jsonValue(),
            patch: fc.jsonValue(),
            since: fc.constantFrom("", "x.y", "0.1", 5),
          })
          .map((frame) => JSON.stringify(frame)),
      ),
      { seed: SEED, numRuns: 300 },
    )
    for (const frame of frames) talker.say(frame)
    expect(await talker.ask("subscribe /todo/")).toMatchObject({ ok: true })
    // Commands of a socket are done one after another, so all of them have been answered now.
    const replies = talker.texts.map((text) => JSON.parse(text)).filter((said) => "ok" in said)
    expect(replies).toHaveLength(frames.length + 1)
    expect(replies.filter(({ ok, problem }) => !ok && problem.status >= 500)).toEqual([])
  })

  it("leaves nothing half done: what was refused is not there, and nobody was told", async () => {
    const before = (await send("GET /metrics")).text.match(/changes_total (\d+)/)?.[1]
    const refused = [
      await send("PUT /api/store/abuse/s", '{"v":{"2015-01-01":1},"w":{"2015-01-01T00:00Z":2}}'),
      await send("PUT /api/store/abuse/s", '{"v":{"2015-01-01":1e999}}'),
      await send("PUT /api/apps/abuse", { data: 5 }),
      await send("PUT /keys?abuse=1&expire_in=0"),
      await send("POST /todo/", { text: 5 }),
    ]
    for (const answer of refused) expect(answer.status, answer.text).toBeGreaterThanOrEqual(400)
    for (const uri of ["/api/store/abuse/s", "/api/apps/abuse", "/keys/abuse"]) {
      expect((await send(`GET ${uri}`)).status).toBe(404)
    }
    expect((await send("GET /metrics")).text.match(/changes_total (\d+)/)?.[1]).toBe(before)
  })
})
