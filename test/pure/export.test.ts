/** What is written as CSV and JSON lines, and read back. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Problem } from "../../src/protocol/problem.ts"
import { readCsv } from "../../src/series/formats/csv.ts"
import { readNdjson } from "../../src/series/formats/ndjson.ts"
import { csvDocument, ndjsonDocument } from "../../src/series/formats/write.ts"
import { stream, type Document } from "../../src/series/text/rows.ts"
import {
  sorted,
  STAMP_MAX,
  unitOf,
  type Column,
  type Frame,
  type Json,
} from "../../src/series/frame.ts"
import * as kinds from "../../src/series/kinds.ts"
import { merge } from "../../src/series/merge.ts"
import { cuts, gather, streamOf } from "./streams.ts"

/** All the text of a document. */
async function textOf(frames: readonly Frame[], document: Document): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  const pieces = await gather(stream(frames, document))
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("")
}

const NEW_YEAR = 1_420_070_400_000_000

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "1", "01", "-1.5", "1e5", " 2", "NA", "null", "None", "true", "False", "inf"),
  fc.constantFrom(
    '"',
    '""',
    ",",
    "\n",
    "\r",
    "\r\n",
    'a"b',
    "\ufeff",
    "2015-01-01",
    " ",
    "#N/A N/A",
  ),
)
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
})
const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1, 1e21, 1e300, 5e-324, 2 ** 53 + 2),
)
const cells = (rows: number) => {
  const some = <Value>(value: fc.Arbitrary<Value>) =>
    fc.array(fc.option(value), { minLength: rows, maxLength: rows })
  return fc.oneof(
    some(double).map((values) => kinds.columnOf("", "float64", values)),
    some(int64).map((values) => kinds.columnOf("", "int64", values)),
    some(fc.boolean()).map((values) => kinds.columnOf("", "boolean", values)),
    some(text).map((values) => kinds.columnOf("", "string", values)),
  )
}
const stamps = fc.integer({ min: -STAMP_MAX, max: STAMP_MAX })
const name = fc.oneof(text, fc.constantFrom("index", "date", "INDEX", "v", "__proto__"))
const frame = fc.integer({ min: 1, max: 12 }).chain((rows) =>
  fc
    .record({
      index: fc.array(stamps, { minLength: rows, maxLength: rows }),
      kind: fc.constantFrom("naive" as const, "utc" as const, "integer" as const),
      columns: fc.array(cells(rows), { maxLength: 5 }),
      names: fc.uniqueArray(name, { minLength: 5, maxLength: 5 }),
    })
    .map(({ index, kind, columns, names }): Frame => {
      const labels = Float64Array.from(index, (one) => one + 0)
      const named = columns.map((one, at) => ({ ...one, name: names[at] ?? "" }))
      return { index: labels, kind, unit: unitOf(labels, kind), columns: named }
    }),
)

/** A column of nothing has no kind in CSV. */
const asRead = (column: Column): Column => {
  const isNothing = [...column.values].every((value) => value === null || Number.isNaN(value))
  return isNothing ? kinds.columnOf(column.name, "null", column.values as []) : column
}

const json = (rows: number) =>
  fc
    .array(fc.oneof(fc.jsonValue(), int64, fc.string({ unit: "binary" })), {
      minLength: rows,
      maxLength: rows,
    })
    // Without anything nested the column might be of a narrower kind.
    .map((values) => kinds.columnOf("nested", "json", [[values[0]], ...values.slice(1)] as Json[]))
const byName = ({ columns, ...rest }: Frame) => ({
  ...rest,
  columns: columns.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
})

describe("CSV that was written", () => {
  it("comes back as it was, wherever the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(frame, cuts, async (original, places) => {
        const names = original.columns.map((column) => column.name)
        const written = await textOf([original], csvDocument(names))
        const [batch] = await gather(readCsv(streamOf(written, places), { kind: original.kind }))
        expect(batch?.bad).toEqual([])
        expect(batch?.frame).toStrictEqual({ ...original, columns: original.columns.map(asRead) })
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it("has one header for all frames, and nulls where a frame lacks a column", async () => {
    const one = { index: Float64Array.of(0), kind: "naive", unit: "ms" } as const
    const frames: Frame[] = [
      { ...one, columns: [kinds.columnOf("a", "int64", [1])] },
      { ...one, columns: [kinds.columnOf("b", "string", ["x,y"])] },
    ]
    expect(await textOf(frames, csvDocument(["b", "a"]))).toBe(
      'index,b,a\n1970-01-01T00:00:00.000,,1\n1970-01-01T00:00:00.000,"x,y",\n',
    )
    expect(await textOf(frames, csvDocument(["a"], "epoch"))).toBe("index,a\n0,1\n0,\n")
  })

  it("holds all of a json column as text", async () => {
    const values = [{ a: [1, 'x"y'] }, 9007199254740993n, 1.5, "NA", null, true]
    const index = Float64Array.from(values.keys())
    const columns = [kinds.columnOf("v", "json", values)]
    const mixture: Frame = { index, kind: "integer", unit: "ms", columns }
    const written = await textOf([mixture], csvDocument(["v"]))
    expect(written).toBe(
      'index,v\n0,"{""a"":[1,""x\\""y""]}"\n1,"9007199254740993"\n2,"1.5"\n3,"NA"\n4,\n5,"true"\n',
    )
    const [batch] = await gather(readCsv(streamOf(written)))
    const texts = ['{"a":[1,"x\\"y"]}', "9007199254740993", "1.5", "NA", null, "true"]
    expect(batch?.frame.columns[0]?.values).toEqual(texts)
  })

  it("is refused where UTF-8 has no bytes for a text", async () => {
    const columns = [kinds.columnOf("v", "string", ["a\ud800"])]
    const broken: Frame = { index: Float64Array.of(7), kind: "integer", unit: "ms", columns }
    const problem: unknown = await textOf([broken], csvDocument(["v"])).catch(
      (error: unknown) => error,
    )
    expect(problem).toBeInstanceOf(Problem)
    expect((problem as Problem).code).toBe("unprocessable")
    expect((problem as Problem).message).toMatch(
      /^The text in column "v", row "7", cannot be written as CSV/,
    )
  })

  it("comes back from many batches as the series it was", async () => {
    const index = Float64Array.from({ length: 11_000 }, (_, row) => NEW_YEAR + row * 1_234_567)
    const floats = Array.from(index, (stamp) => stamp / 3)
    const words = Array.from(index, (stamp) => (stamp % 3 === 0 ? null : String(stamp)))
    const columns = [kinds.columnOf("f", "float64", floats), kinds.columnOf("s", "string", words)]
    const original: Frame = { index, kind: "utc", unit: "us", columns }
    const written = await textOf([original], csvDocument(["f", "s"]))
    const batches = await gather(readCsv(streamOf(written)))
    const entries = batches.map(({ frame: rows }) => ({ removed: null, rows: sorted(rows) }))
    expect(merge(entries, { kind: "utc", unit: "us", columns: [] })).toStrictEqual(original)
  })
})

describe("JSON lines that were written", () => {
  it("come back as they were, wherever the bytes are cut", async () => {
    const withJson = frame.chain((rows) =>
      json(rows.index.length).map((column) => ({ ...rows, columns: [...rows.columns, column] })),
    )
    await fc.assert(
      fc.asyncProperty(withJson, cuts, async (original, places) => {
        const names = original.columns.map((column) => column.name)
        fc.pre(names.indexOf("nested") === names.length - 1)
        const written = await textOf([original], ndjsonDocument(names))
        const [batch] = await gather(readNdjson(streamOf(written, places), { kind: original.kind }))
        expect(batch?.bad).toEqual([])
        const expected = { ...original, columns: original.columns.map(asRead) }
        // JavaScript puts members that are named by whole numbers first.
        expect(byName(batch?.frame as Frame)).toStrictEqual(byName(expected))
      }),
      { seed: 7, numRuns: 100 },
    )
  })

  it("have a member for each column of a frame, and no spaces", async () => {
    const columns = [
      kinds.columnOf("a", "int64", [1, null]),
      kinds.columnOf("f", "float64", [1, null]),
      kinds.columnOf("s", "string", ['say "hi"', ""]),
    ]
    const zoned: Frame = { index: Float64Array.of(0, 500), kind: "utc", unit: "us", columns }
    expect(await textOf([zoned], ndjsonDocument(["s", "a", "f", "none"]))).toBe(
      '{"index":"1970-01-01T00:00:00.000000Z","s":"say \\"hi\\"","a":1,"f":1.0}\n' +
        '{"index":"1970-01-01T00:00:00.000500Z","s":"","a":null,"f":null}\n',
    )
    const numbered: Frame = { ...zoned, kind: "integer", columns: [] }
    expect(await textOf([numbered], ndjsonDocument(["index"]))).toBe('{"INDEX":0}\n{"INDEX":500}\n')
  })
})
