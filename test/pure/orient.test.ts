/** The six orients, against what pandas itself writes (goldens/write.py makes the goldens) and against each other. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SERIES_MAX_COLUMNS } from "../../src/protocol/limits.ts"
import { ORIENTS, type Orient } from "../../src/protocol/orients.ts"
import {
  sorted,
  STAMP_MAX,
  type Column,
  type Frame,
  type IndexKind,
  type Json,
} from "../../src/series/frame.ts"
import { jsonText, parseJson } from "../../src/series/json.ts"
import { columnOf } from "../../src/series/kinds.ts"
import { frameText, readFrame } from "../../src/series/orient.ts"
import { documentOf } from "../../src/series/orients/write.ts"
import { write } from "../../src/series/text/rows.ts"
import { goldens } from "./goldens/pandas.json"
import { DAY, frame, NEW_YEAR, problem } from "./orient.world.ts"

const days = [NEW_YEAR, NEW_YEAR + DAY, NEW_YEAR + 4 * DAY + 45_000_250_000]
const paris = days.map((stamp) => stamp - 3_600_000_000)

/** What the frames of goldens/write.py are for us. */
const frames: Record<keyof typeof goldens, Frame> = {
  floats: frame(
    days,
    "naive",
    columnOf("v", "float64", [1.5, null, 3]),
    columnOf("w", "float64", [0.1, -2.25, 1e20]),
  ),
  zoned: frame(paris, "utc", columnOf("v", "float64", [1.5, 2.5, 3.5])),
  old: frame([-1_000], "naive", columnOf("v", "float64", [1.5])),
  integers: frame(
    days,
    "naive",
    columnOf("i", "int64", [2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]),
  ),
  mixed: frame(
    days,
    "naive",
    columnOf("b", "boolean", [true, false, true]),
    columnOf("s", "string", ["a", 'say "hi"', "c"]),
    columnOf("n", "null", [null, null, null]),
  ),
  numbered: frame(
    [0, 1],
    "integer",
    columnOf("a", "int64", [1, 2]),
    columnOf("b", "float64", [0.5, 1]),
  ),
  empty: frame([], "naive", columnOf("v", "float64", [])),
}

const names = Object.keys(goldens) as (keyof typeof goldens)[]
const indexed = ["columns", "index", "split", "table"] as const

/** The value of a JSON text, with what pandas says in other words said in ours. */
function meaning(text: string): Json {
  return parseJson(
    text
      .replaceAll(',"extDtype":"str"', "")
      .replaceAll('{"name":"n","type":"string"}', '{"name":"n","type":"any"}')
      .replaceAll("Europe\\/Paris", "UTC"),
  )
}

/** The frame as it comes out of an orient: only table says which zone it is. */
function through(orient: Orient, before: Frame, zone = "UTC"): Frame {
  return orient === "table" && before.kind === "utc" ? { ...before, zone } : before
}

describe("what pandas writes", () => {
  it.each(names.filter((name) => name !== "empty"))("is read: %s", (name) => {
    for (const orient of indexed)
      expect(readFrame(goldens[name][orient], orient), orient).toStrictEqual(
        through(orient, frames[name], "Europe/Paris"),
      )
    const numbered = Array.from(frames[name].index, (_, row) => row)
    const { columns } = frames[name]
    expect(readFrame(goldens[name].records, "records")).toStrictEqual(
      frame(numbered, "integer", ...columns),
    )
    const unnamed = columns.map((column, at) => ({ ...column, name: String(at) }))
    expect(readFrame(goldens[name].values, "values")).toStrictEqual(
      frame(numbered, "integer", ...unnamed),
    )
    // Before 1970 epoch numbers are integers, to pandas too.
    if (name !== "old") {
      expect(readFrame(goldens[name].epoch, "split").index).toStrictEqual(frames[name].index)
    }
  })

  it.each(names)("is what we write: %s", (name) => {
    for (const orient of ORIENTS) {
      expect(meaning(frameText(frames[name], orient)), orient).toStrictEqual(
        meaning(goldens[name][orient]),
      )
    }
    expect(meaning(frameText(frames[name], "split", "epoch"))).toStrictEqual(
      meaning(goldens[name].epoch),
    )
  })

  it("has no spaces, and floats that show that they are", () => {
    // Of a table we write the schema last.
    const turned = (text: string) => text.replace(/^\{("schema":.*),("data":.*)\}$/, "{$2,$1}")
    for (const orient of ORIENTS) {
      expect(frameText(frames.numbered, orient)).toBe(turned(goldens.numbered[orient]))
      expect(frameText(frames.zoned, orient)).toBe(turned(meaningless(goldens.zoned[orient])))
      expect(frameText(frames.integers, orient)).toBe(turned(goldens.integers[orient]))
    }
  })

  it("of an empty frame is read in every orient", () => {
    const v = columnOf("v", "null", [])
    expect(readFrame('{"v":{}}', "columns")).toStrictEqual(frame([], "naive", v))
    expect(readFrame("{}", "columns")).toStrictEqual(frame([], "naive"))
    expect(readFrame("null", "columns").columns).toEqual([])
    expect(readFrame("{}", "index")).toStrictEqual(frame([], "naive"))
    expect(readFrame('{"columns":["v"],"index":[],"data":[]}', "split")).toStrictEqual(
      frame([], "naive", v),
    )
    expect(readFrame("[]", "records").columns).toEqual([])
    expect(readFrame("[]", "values").columns).toEqual([])
    expect(readFrame(goldens.empty.table, "table")).toStrictEqual(frames.empty)
  })
})

function meaningless(text: string): string {
  return text.replaceAll("Europe\\/Paris", "UTC")
}

describe("what pandas also takes", () => {
  it("is read in orient columns: records, rows, scalars, and lists per column", () => {
    const a = columnOf("a", "int64", [1, null])
    const b = columnOf("b", "string", [null, "x"])
    expect(readFrame('[{"a":1},{"b":"x"}]', "columns")).toStrictEqual(
      frame([0, 1], "integer", a, b),
    )
    expect(readFrame('{"a":[1,null],"b":[null,"x"]}', "columns")).toStrictEqual(
      frame([0, 1], "integer", a, b),
    )
    expect(readFrame("[[1,2],[3,4]]", "columns").columns.map(({ name }) => name)).toEqual([
      "0",
      "1",
    ])
    expect(readFrame("[1,2]", "columns")).toStrictEqual(
      frame([0, 1], "integer", columnOf("0", "int64", [1, 2])),
    )
  })

  it("joins the labels of all columns, absent cells null", () => {
    const text = '{"a":{"2015-01-02":1},"b":{"2015-01-01":true,"2015-01-02":false}}'
    expect(sorted(readFrame(text, "columns"))).toStrictEqual(
      frame(
        days.slice(0, 2),
        "naive",
        columnOf("a", "int64", [null, 1]),
        columnOf("b", "boolean", [true, false]),
      ),
    )
  })

  it("has a split without index, or with numbers for column names", () => {
    expect(
      readFrame('{"columns":[1,"a"],"data":[[1,2]]}', "split").columns.map(({ name }) => name),
    ).toEqual(["1", "a"])
    expect(readFrame('{"data":[[1,2]]}', "split").columns.map(({ name }) => name)).toEqual([
      "0",
      "1",
    ])
  })

  it("has the last of two same labels win, however they are written", () => {
    const text = '{"v":{"2015-01-01":1,"2015-01-01T00:00":2}}'
    expect(sorted(readFrame(text, "columns")).columns).toEqual([columnOf("v", "int64", [2])])
    const split =
      '{"columns":["v"],"index":["2015-01-02","2015-01-01","2015-01-02"],"data":[[1],[2],[3]]}'
    expect(sorted(readFrame(split, "split")).columns).toEqual([columnOf("v", "int64", [2, 3])])
  })
})

/** JSON objects put names that look like numbers first. */
const byName = (columns: Column[]) =>
  columns.toSorted((one, other) => (one.name < other.name ? -1 : 1))

const kindOfCells = (cells: string) =>
  readFrame(`{"columns":["v"],"data":${cells}}`, "split").columns[0]?.kind

describe("values", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  })
  // One that shows that it is a double in every row, or else integers would come back as such.
  const doubles = fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => !Number.isSafeInteger(value))
  const json = fc
    .jsonValue()
    .map((value) => JSON.parse(JSON.stringify(value).replaceAll("-0", "0")) as Json)
  const kinds = [
    ["float64", doubles],
    ["int64", int64],
    ["boolean", fc.boolean()],
    ["string", fc.string({ unit: "binary" })],
  ] as const
  const name = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("__proto__", "index", "columns", "0", "toString"),
  )
  const any: fc.Arbitrary<Frame> = fc
    .tuple(
      fc.constantFrom<IndexKind>("naive", "utc"),
      fc.uniqueArray(fc.integer({ min: -STAMP_MAX, max: STAMP_MAX }), {
        minLength: 1,
        maxLength: 8,
      }),
      fc.uniqueArray(fc.tuple(name, fc.nat(3), fc.array(fc.boolean(), { minLength: 1 })), {
        selector: ([one]) => one,
        minLength: 1,
        maxLength: 5,
      }),
      fc.infiniteStream(fc.tuple(...kinds.map(([, value]) => value as fc.Arbitrary<Json>))),
    )
    .map(([kind, index, columns, stream]) =>
      frame(
        index.toSorted((one, other) => one - other),
        kind,
        ...columns.map(([one, which, nulls]) => {
          const cells = index.map((_, row) => {
            const value = stream.next().value?.[which] ?? null
            return row > 0 && nulls[row % nulls.length] ? null : value
          })
          return columnOf(one, kinds[which]?.[0] ?? "null", cells)
        }),
      ),
    )

  it.each(indexed)("come back from orient %s, every bit and digit of them", (orient) => {
    fc.assert(
      fc.property(any, (before) => {
        const after = sorted(readFrame(frameText(before, orient), orient))
        expect({ ...after, columns: byName(after.columns) }).toStrictEqual({
          ...through(orient, before),
          columns: byName(before.columns),
        })
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it("of any JSON come back, with integers of 64 bits inside", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            json,
            int64.map((value) => [value]),
          ),
          { minLength: 1 },
        ),
        (cells) => {
          const before = frame(
            cells.map((_, row) => row),
            "integer",
            columnOf("v", "json", [...cells, {}].slice(1)),
          )
          expect(readFrame(frameText(before, "split"), "split")).toStrictEqual(before)
        },
      ),
      { seed: 7, numRuns: 300 },
    )
    const odd =
      '[{"a":[9007199254740993,-9223372036854775808,1.5,-0.0,1152921504606846976.0,{"__proto__":null}]},"x"]'
    expect(jsonText(parseJson(odd))).toBe(
      odd.replace("1152921504606846976.0", "1.152921504606847e+18"),
    )
  })

  it("decide the kind of their column", () => {
    expect(kindOfCells("[[1],[2.5]]")).toBe("float64")
    expect(kindOfCells("[[1],[null]]")).toBe("int64")
    expect(kindOfCells("[[1e3]]")).toBe("int64")
    expect(kindOfCells("[[1e20]]")).toBe("float64")
    expect(kindOfCells("[[-0]]")).toBe("float64")
    expect(kindOfCells("[[9007199254740992],[0.5]]")).toBe("float64")
    expect(kindOfCells("[[9007199254740993],[0.5]]")).toBe("json")
    expect(kindOfCells("[[true],[1]]")).toBe("json")
    expect(kindOfCells('[["1"],[null]]')).toBe("string")
    expect(kindOfCells("[[[]]]")).toBe("json")
    expect(kindOfCells("[[null]]")).toBe("null")
  })
})

describe("what cannot be a frame", () => {
  it.each<[Orient, string, string, string | undefined]>([
    ["columns", "", "invalid_json", ""],
    ["columns", '{"v":{"2015-01-01":NaN}}', "invalid_json", ""],
    ["columns", "{} x", "invalid_json", ""],
    ["columns", "7", "invalid_request", ""],
    ["columns", '"x"', "invalid_request", ""],
    ["columns", '{"v":1}', "invalid_request", "v"],
    ["columns", '{"v":{"a":1},"w":[1]}', "invalid_request", "w"],
    ["columns", '{"v":[1],"w":[1,2]}', "invalid_request", "w"],
    ["columns", '{"v":{"soon":1}}', "invalid_request", "index.0"],
    ["columns", '{"v":{"2015-01-01":1e999}}', "unprocessable", "v.2015-01-01"],
    ["columns", '{"v":{"2015-01-01":9223372036854775808}}', "unprocessable", "v.2015-01-01"],
    [
      "columns",
      '{"v":{"2015-01-01":{"x":[-9223372036854775809]}}}',
      "unprocessable",
      "v.2015-01-01",
    ],
    [
      "columns",
      `{"v":{"2015-01-01":${"[".repeat(200)}${"]".repeat(200)}}}`,
      "unprocessable",
      "v.2015-01-01",
    ],
    ["columns", '{"\\ud800":{"2015-01-01":1}}', "invalid_request", "columns.\ufffd"],
    [
      "columns",
      `{"${"\u00e9".repeat(257)}":{"2015-01-01":1}}`,
      "invalid_request",
      `columns.${"é".repeat(40)}…`,
    ],
    ["index", "[]", "invalid_request", ""],
    ["index", '{"2015-01-01":[1]}', "invalid_request", "2015-01-01"],
    ["records", "{}", "invalid_request", ""],
    ["records", "[1]", "invalid_request", "0"],
    ["values", "{}", "invalid_request", ""],
    ["values", "[[1],[1,2]]", "invalid_request", "1"],
    ["values", "[[1],2]", "invalid_request", "1"],
    ["split", "[]", "invalid_request", ""],
    ["split", '{"name":"x","data":[]}', "invalid_request", "name"],
    ["split", '{"columns":["v"],"index":[1],"data":[]}', "invalid_request", "index"],
    ["split", '{"columns":["v"],"index":[1],"data":[[1,2]]}', "invalid_request", "data.0"],
    ["split", '{"columns":["v","v"],"index":[1],"data":[[1,2]]}', "invalid_request", "columns.v"],
    ["split", '{"columns":[1,"1"],"index":[1],"data":[[1,2]]}', "invalid_request", "columns.1"],
    ["split", '{"columns":[null],"index":[1],"data":[[1]]}', "invalid_request", "columns.0"],
    ["split", '{"columns":["v"],"index":{},"data":[]}', "invalid_request", "index"],
  ])("is refused, and the place is named: %s %s", (orient, text, code, place) => {
    expect(problem(orient, text)).toMatchObject({ code, place })
  })

  it("names column, row and label of a value", () => {
    expect(problem("columns", '{"v":{"2015-01-01":1,"2015-01-02":1e999}}').detail).toBe(
      'The value in column "v", row 1 ("2015-01-02"), is larger than any double',
    )
  })

  it("has too many columns, or cells that a few short rows make many", () => {
    const wide = JSON.stringify(Array.from({ length: SERIES_MAX_COLUMNS + 1 }, (_, at) => `c${at}`))
    expect(problem("split", `{"columns":${wide}}`).code).toBe("unprocessable")
    const many = `{${Array.from({ length: SERIES_MAX_COLUMNS }, (_, at) => `"c${at}":1`).join()}}`
    expect(problem("records", `[${many}${",{}".repeat(1_000)}]`).code).toBe("too_large")
  })
})

describe("a large frame", () => {
  const rows = Array.from({ length: 20_000 }, (_, row) => row)
  const large = frame(
    rows.map((row) => NEW_YEAR + row * 60_000_000),
    "utc",
    ...["a", "b", "c", "d", "e"].map((one, at) =>
      columnOf(
        one,
        "float64",
        rows.map((row) => row / 8 + at + 0.01),
      ),
    ),
  )

  it("is written in pieces, and read again", () => {
    for (const orient of indexed) {
      const pieces = [...write([large], documentOf(large, orient, "iso"))]
      expect(pieces.length).toBeGreaterThan(3)
      const text = pieces.map((piece) => new TextDecoder().decode(piece)).join("")
      expect(readFrame(text, orient)).toStrictEqual(through(orient, large))
    }
  }, 30_000)
})
