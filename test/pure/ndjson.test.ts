import { describe, expect, it } from "vitest"
import { JSON_MAX_DEPTH, LINE_MAX_BYTES } from "../../src/protocol/limits.ts"
import type { Batch } from "../../src/series/formats/batch.ts"
import { readNdjson, type NdjsonOptions } from "../../src/series/formats/ndjson.ts"
import { byteByByte, gather, streamOf, zipped } from "./streams.ts"

const NEW_YEAR = 1_420_070_400_000_000

const read = (text: string, options?: NdjsonOptions) => gather(readNdjson(streamOf(text), options))

/** The only batch of a few lines. */
async function only(lines: string[], options?: NdjsonOptions): Promise<Batch> {
  const [batch, ...others] = await read(lines.join("\n"), options)
  expect(others).toEqual([])
  return batch as Batch
}

/** The columns of a batch, as kind and values. */
const columnsOf = ({ frame }: Batch) =>
  Object.fromEntries(frame.columns.map(({ name, kind, values }) => [name, [kind, ...values]]))

const reasons = ({ bad }: Batch) => bad.map(({ line, reason }) => [line, reason])

/** The kind of a column of these values. */
const kindOf = async (...values: string[]) => {
  const lines = values.map((value, row) => `{"index":${row},"v":${value}}`)
  return (await only(lines)).frame.columns[0]?.kind
}

/** The kinds of the columns of one line. */
const kindsOf = async (line: string) => (await only([line])).frame.columns.map(({ kind }) => kind)

/** The names of the columns of one line. */
const names = async (line: string, options?: NdjsonOptions) =>
  (await only([line], options)).frame.columns.map(({ name }) => name)

/** What one label becomes. */
const index = async (label: string, options?: NdjsonOptions) => {
  const { frame } = await only([`{"t":${label}}`], options)
  return [frame.kind, frame.index[0]]
}

const members = (prefix: string) =>
  Array.from({ length: 1_500 }, (_, at) => `"${prefix}${at}":1`).join(",")

describe("JSON lines", () => {
  it("with a member twice are bad, those of one value or with colons in their texts are not", async () => {
    const batch = await only([
      '{"index":1,"a":1,"a":2}',
      '{"index":2,"a" :1,"\\u0061":2}',
      '{"index":3,"a":{"x":[{"y":1,"y":2}]}}',
      '{"index":4,"a":{"x":[{"y":1},{"y":2}]},"b":"\\"x\\":1,\\"x\\":2"}',
    ])
    expect(reasons(batch)).toEqual([
      [1, 'has the member "a" twice'],
      [2, 'has the member "a" twice'],
      [3, 'has the member "a.x.0.y" twice'],
    ])
    expect([...batch.frame.index]).toEqual([4])
  })

  it("are rows, with null for what is absent", async () => {
    const batch = await only([
      '{"index":"2015-01-01","a":1,"b":"x","c":true}',
      "",
      '  {"a":2.5,"index":"2015-01-02T00:00:00.5","d":null}  \r',
      '{"index":"2015-01-03"}',
    ])
    expect(batch.bad).toEqual([])
    expect(batch.lines).toEqual([1, 4])
    expect(batch.frame.kind).toBe("naive")
    expect(batch.frame.unit).toBe("ms")
    expect(batch.frame.index[0]).toBe(NEW_YEAR)
    expect(columnsOf(batch)).toEqual({
      a: ["float64", 1, 2.5, NaN],
      b: ["string", "x", null, null],
      c: ["boolean", true, null, null],
      d: ["null", null, null, null],
    })
  })

  it("keep integers beyond 2^53, nested values and mixtures", async () => {
    const batch = await only([
      '{"index":0,"big":9007199254740993,"deep":{"a":[1,9007199254740993]},"any":1}',
      '{"index":1,"big":-9223372036854775808,"deep":[],"any":"x"}',
    ])
    expect(columnsOf(batch)).toEqual({
      big: ["int64", 9007199254740993n, -(2n ** 63n)],
      deep: ["json", { a: [1, 9007199254740993n] }, []],
      any: ["json", 1, "x"],
    })
  })

  it("tell floats from integers by how they are written", async () => {
    expect(await kindOf("1.0", "2.0")).toBe("float64")
    expect(await kindOf("1e3")).toBe("float64")
    expect(await kindOf("-0")).toBe("float64")
    expect(await kindOf("1", "2")).toBe("int64")
    expect(await kindOf("null", "1")).toBe("int64")
  })

  it("are not led astray by what merely looks like the member", async () => {
    expect(await kindsOf('{"index":0,"n":{"a":1.0},"a":1}')).toEqual(["json", "int64"])
    expect(await kindsOf('{"index":0,"a":1,"n":{"a":1.0}}')).toEqual(["int64", "json"])
    expect(await kindsOf('{"index":0,"n":{"a":1.0},"\\u0061":1}')).toEqual(["json", "int64"])
    expect(await kindsOf('{"index":0,"\\u0061":1.0}')).toEqual(["float64"])
    expect(await kindsOf('{"index":0,"a":1.0,"s":"\\"a\\":1"}')).toEqual(["float64", "string"])
    expect(await kindsOf('{"index":0,"a":1,"s":"a\\": 1.0"}')).toEqual(["int64", "string"])
    expect(await kindsOf(`{"index":0,"a" :\t1.0,"s":"${"x".repeat(600)}"}`)).toEqual([
      "float64",
      "string",
    ])
  })

  it("have the index that is named, else one called so in any case, else the first member", async () => {
    expect(await names('{"a":1,"Time":"2015-01-01"}')).toEqual(["a"])
    expect(await names('{"a":1,"Time":"2015-01-01"}', { index: "a" })).toEqual(["Time"])
    expect(await names('{"a":1,"b":2}')).toEqual(["b"])
    expect(await names('{"0":5,"index":2}')).toEqual(["0"])
  })

  it("may have labels that are texts or numbers", async () => {
    expect(await index("1420070400")).toEqual(["naive", NEW_YEAR])
    expect(await index('"1420070400000"')).toEqual(["naive", NEW_YEAR])
    expect(await index("1420070400000000000")).toEqual(["naive", NEW_YEAR])
    expect(await index("1420070400.5")).toEqual(["naive", NEW_YEAR + 500_000])
    expect(await index('"2015-01-01T01:00+01:00"')).toEqual(["utc", NEW_YEAR])
    expect(await index("7")).toEqual(["integer", 7])
    expect(await index("1420070400", { kind: "integer" })).toEqual(["integer", 1_420_070_400])
  })

  it("have bad lines, each with its number, reason and beginning", async () => {
    const batch = await only([
      '{"t":1,"v":1}',
      '{"t":2,"v":1',
      "[1,2]",
      '{"v":1}',
      '{"t":null,"v":1}',
      '{"t":{"a":9007199254740993},"v":1}',
      '{"t":"soon","v":"x"}',
      '{"t":3,"v":18446744073709551615}',
      '{"t":4,"v":[1e999]}',
      '{"t":5,"\\ud800":1}',
      `{"t":6,"v":${"[".repeat(JSON_MAX_DEPTH + 1)}${"]".repeat(JSON_MAX_DEPTH + 1)}}`,
      '{"t":7}{"t":8}',
    ])
    expect(reasons(batch)).toEqual([
      [2, expect.stringMatching(/^is not valid JSON: /)],
      [3, "is no JSON object"],
      [4, 'has no member "t", the index'],
      [5, "has the label null, which must be a text or a number"],
      [6, 'has the label {"a":9007199254740993}, which must be a text or a number'],
      [7, 'has the label "soon", which is neither an ISO 8601 time nor a number'],
      [8, 'has a value in "v" that is 18446744073709551615, an integer beyond 64 bits'],
      [9, 'has a value in "v" that is larger than any double'],
      [10, "has a name that is not valid Unicode: a surrogate is alone"],
      [11, `has a value in "v" that nests deeper than ${JSON_MAX_DEPTH} levels`],
      [12, expect.stringMatching(/^is not valid JSON: /)],
    ])
    expect(batch.bad[0]?.text).toBe('{"t":2,"v":1')
    // A bad line has no say in what a column is.
    expect(columnsOf(batch)).toEqual({ v: ["int64", 1] })
  })

  it("go on behind a line that is too long", async () => {
    const batch = await only([`{"t":1,"v":"${"x".repeat(LINE_MAX_BYTES)}"}`, '{"t":2}'])
    expect(reasons(batch)).toEqual([[1, `is longer than ${LINE_MAX_BYTES} bytes`]])
    expect([...batch.frame.index]).toEqual([2])
  })

  it("come in batches of bounded rows and cells", async () => {
    const many = Array.from({ length: 7_000 }, (_, row) => `{"t":${row},"v":${row}}`)
    const batches = await read(many.join("\n"))
    expect(batches.map(({ lines }) => lines)).toEqual([
      [1, 5_000],
      [5_001, 7_000],
    ])
    const narrow = Array.from({ length: 600 }, (_, row) => `{"t":${row},"v":1}`)
    // The wide line would give each of the 600 rows 1,500 cells.
    const sparse = await read([...narrow, `{"t":601,${members("a")}}`].join("\n"))
    expect(sparse.map(({ frame }) => [frame.index.length, frame.columns.length])).toEqual([
      [600, 1],
      [1, 1_500],
    ])
    const wide = await only([`{"t":1,${members("a")}}`, `{"t":2,${members("b")}}`])
    expect(reasons(wide)).toEqual([[2, "brings the columns to 3000, the limit is 2000"]])
  })

  it("may be zipped, and cut anywhere", async () => {
    const text = '{"t":1,"v":"é"}\n{"t":2,"v":"😀"}\n'
    const [plain] = await gather(readNdjson(byteByByte(text)))
    expect(plain?.frame.columns[0]?.values).toEqual(["é", "😀"])
    const packed = streamOf(await zipped(text))
    expect(await gather(readNdjson(packed, { encoding: "gzip" }))).toEqual([plain])
  })

  it("may be none at all", async () => {
    expect(await read("")).toEqual([])
    expect(await read("\n \n")).toEqual([])
  })
})
