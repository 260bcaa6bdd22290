/** Tables: what their schema says, what it is written as, and the zone and the name of the index in it. */
import { describe, expect, it } from "vitest"
import { columnOf } from "../../src/series/kinds.ts"
import { frameText, readFrame } from "../../src/series/orient.ts"
import { goldens } from "./goldens/pandas.json"
import { DAY, frame, NEW_YEAR, problem } from "./orient.world.ts"

const table = (fields: string, data: string) =>
  `{"schema":{"fields":[{"name":"t","type":"datetime"},${fields}],"primaryKey":["t"]},"data":[${data}]}`

describe("a table", () => {
  it("keeps what its schema says of a column, and takes any name for the index", () => {
    const text = table(
      '{"name":"n","type":"number"},{"name":"i","type":"integer"},{"name":"d","type":"datetime"},{"name":"x","type":"any"},{"name":"none","type":"boolean"}',
      '{"t":"2015-01-01","n":1,"i":null,"d":"2020-01-01","x":2}',
    )
    const { indexName, ...rest } = readFrame(text, "table")
    expect(indexName).toBe("t")
    expect(rest).toStrictEqual(
      frame(
        [NEW_YEAR],
        "naive",
        columnOf("n", "float64", [1]),
        columnOf("i", "int64", [null]),
        columnOf("d", "string", ["2020-01-01"]),
        columnOf("x", "int64", [2]),
        columnOf("none", "boolean", [null]),
      ),
    )
  })

  it("calls its index level_0 when a column is called index", () => {
    const before = frame([NEW_YEAR], "naive", columnOf("index", "int64", [1]))
    const text = frameText(before, "table")
    expect(text).toContain('"primaryKey":["level_0"]')
    expect(readFrame(text, "table")).toStrictEqual(before)
  })

  it("keeps large integer labels integers, and labels without a key by their name", () => {
    const text =
      '{"schema":{"fields":[{"name":"index","type":"integer"}]},"data":[{"index":1420070400}]}'
    expect(readFrame(text, "table")).toStrictEqual(frame([1_420_070_400], "integer"))
  })

  it("has columns of objects, which pandas calls strings whatever they are", () => {
    const text = table(
      '{"name":"b","type":"string"},{"name":"j","type":"string"},{"name":"n","type":"string"}',
      '{"t":"2015-01-01","b":true,"j":{"a":[1]}},{"t":"2015-01-02","b":null,"j":"x","n":7}',
    )
    expect(readFrame(text, "table").columns).toStrictEqual([
      columnOf("b", "boolean", [true, null]),
      columnOf("j", "json", [{ a: [1] }, "x"]),
      columnOf("n", "int64", [null, 7]),
    ])
  })

  it("tells pandas no type that has no null where there is one, and is read again as it was", () => {
    const two = [NEW_YEAR, NEW_YEAR + DAY]
    const large = 9_223_372_036_854_775_807n
    const before = frame(
      two,
      "naive",
      columnOf("b", "boolean", [null, true]),
      columnOf("i", "int64", [1, null]),
      columnOf("large", "int64", [large, null]),
      columnOf("full", "int64", [1, large]),
      columnOf("all", "boolean", [false, true]),
    )
    const text = frameText(before, "table")
    expect(JSON.parse(text).schema.fields).toEqual([
      { name: "index", type: "datetime" },
      { name: "b", type: "any" },
      { name: "i", type: "number", extDtype: "Int64" },
      { name: "large", type: "any" },
      { name: "full", type: "integer" },
      { name: "all", type: "boolean" },
    ])
    expect(readFrame(text, "table")).toStrictEqual(before)
  })

  it("is refused where it is not what its schema says", () => {
    for (const [text, code, place] of [
      [
        table('{"name":"n","type":"number"}', '{"t":"2015-01-01","n":"x"}'),
        "invalid_request",
        "n.0",
      ],
      [
        table('{"name":"n","type":"integer"}', '{"t":"2015-01-01","n":1.5}'),
        "invalid_request",
        "n.0",
      ],
      [
        table('{"name":"n","type":"integer"}', '{"t":"2015-01-01","n":-0}'),
        "invalid_request",
        "n.0",
      ],
      [
        table('{"name":"n","type":"number","extDtype":"Int64"}', '{"t":"2015-01-01","n":1.5}'),
        "invalid_request",
        "n.0",
      ],
      [table('{"name":"n"}', '{"t":"2015-01-01","m":1}'), "invalid_request", "data.m"],
      [table('{"name":"t"}', ""), "invalid_request", "schema.fields"],
      [table('{"name":"n"}', '{"n":1}'), "invalid_request", "index.0"],
      ['{"data":[]}', "invalid_request", "schema"],
      [
        '{"schema":{"fields":[],"primaryKey":["t"]},"data":[]}',
        "invalid_request",
        "schema.primaryKey",
      ],
      [
        '{"schema":{"fields":[],"primaryKey":["t","u"]},"data":[]}',
        "invalid_request",
        "schema.primaryKey",
      ],
      [
        '{"schema":{"fields":[{"type":"any"}]},"data":[]}',
        "invalid_request",
        "schema.fields.0.name.0",
      ],
    ] as const) {
      expect([text, problem("table", text)]).toMatchObject([text, { code, place }])
    }
  })
})

describe("a zone", () => {
  it("that a schema names is written again", () => {
    const read = readFrame(goldens.zoned.table, "table")
    expect(frameText(read, "table")).toContain('"type":"datetime","tz":"Europe/Paris"')
    for (const tz of [
      '"Mars/Base"',
      `"${"x".repeat(10_000)}"`,
      '""',
      "5",
      "12345678901234567890",
    ]) {
      const wrong = goldens.zoned.table.replace('"Europe\\/Paris"', tz)
      expect(() => readFrame(wrong, "table")).toThrow(/schema.fields.0.tz/)
    }
  })
})
