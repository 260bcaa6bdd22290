import { describe, expect, it } from "vitest"
import { send } from "./helpers.ts"

type Row = (number | string | boolean | null)[]

const body = (scale: unknown, data: Row[], headers = ["date", "e1_ts", "e2_ts"]) => ({
  param: { scale },
  scalar: { headers, data },
})

describe("the sum of two series", () => {
  it("adds first and scales then, to the last bit, under each of its paths", async () => {
    const data = [
      [1, 0.1, 0.2],
      [2, 843.8477112184, 0.0000000000001],
    ]
    for (const path of ["/method/", "/method", "/sum", "/sum/"]) {
      const answer = await send(`POST ${path}`, body(25, data))
      expect(answer.status, path).toBe(200)
      expect(answer.json).toEqual({
        scalar: {
          data: data.map(([date, a, b]) => [date, 25 * (a! + b!)]),
          headers: ["date", "sum_ts"],
        },
      })
    }
  })

  it("takes columns in any order, ignores others, keeps rows and dates as they come", async () => {
    const rows = [
      [9, "2015-01-02", 1, 10],
      [9, "2015-01-01", 2, 20],
      [9, "2015-01-02", 3, 30],
      [9, null, 4, 40],
    ]
    const answer = await send("POST /sum", body(1, rows, ["sum_ts", "date", "e2_ts", "e1_ts"]))
    expect(answer.json.scalar.data).toEqual([
      ["2015-01-02", 11],
      ["2015-01-01", 22],
      ["2015-01-02", 33],
      [null, 44],
    ])
  })

  it("answers an empty frame with an empty frame", async () => {
    const answer = await send("POST /sum", body(2, []))
    expect(answer.json).toEqual({ scalar: { data: [], headers: ["date", "sum_ts"] } })
  })

  it("answers null with error and log where the result is no number", async () => {
    const rows = [
      [1, 1, 2],
      [2, null, 2],
      [3, 1e308, 1e308],
      [4, "a", "b"],
      [5, 1],
    ]
    const answer = await send("POST /sum", body(2, rows))
    expect(answer.json.scalar.data).toEqual([
      [1, 6],
      [2, null],
      [3, null],
      [4, null],
      [5, null],
    ])
    expect(answer.json).toMatchObject({
      error: 1,
      log: expect.stringMatching(/4 rows: row 1: null \+ 2/),
    })
  })

  it("refuses what it cannot read and says where", async () => {
    const cases: [unknown, string][] = [
      [{}, "param"],
      [{ param: {}, scalar: { headers: [], data: [] } }, "param.scale"],
      [body("x", []), "param.scale"],
      [body(null, []), "param.scale"],
      [body(1, [[1, 2, 3, 4]]), "scalar.data.0"],
      [body(1, [], ["date", "el_ts", "e2_ts"]), "scalar.headers"],
      [body(1, [], ["date", "e1_ts", "e1_ts", "e2_ts"]), "scalar.headers"],
      [[], ""],
    ]
    for (const [sent, place] of cases) {
      const answer = await send("POST /method/", JSON.stringify(sent), {
        "Content-Type": "application/json",
      })
      expect(answer.json, JSON.stringify(sent)).toMatchObject({
        status: 400,
        errors: { [place]: expect.any(String) },
      })
    }
    expect((await send("POST /sum", "{", { "Content-Type": "application/json" })).status).toBe(400)
    expect((await send("POST /sum", "{}", { "Content-Type": "text/csv" })).status).toBe(415)
    expect((await send("GET /sum")).headers.get("Allow")).toBe("POST, OPTIONS")
  })
})
