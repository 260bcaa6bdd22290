import { parse } from "csv-parse/sync"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LINE_MAX_BYTES } from "../../src/protocol/limits.ts"
import { Problem } from "../../src/protocol/problem.ts"
import type { Batch } from "../../src/series/formats/batch.ts"
import { readCsv, type CsvOptions } from "../../src/series/formats/csv.ts"
import { quoteIsOpen, splitFields, textOf } from "../../src/series/formats/fields.ts"
import { STAMP_MAX } from "../../src/series/frame.ts"
import * as kinds from "../../src/series/kinds.ts"
import { merge } from "../../src/series/merge.ts"
import { byteByByte, gather, streamOf } from "./streams.ts"

const NEW_YEAR = 1_420_070_400_000_000
const DAY = 86_400_000_000

const read = (text: string, options?: CsvOptions) => gather(readCsv(streamOf(text), options))

/** The only batch of a small file. */
async function only(text: string, options?: CsvOptions): Promise<Batch> {
  const [batch, ...others] = await read(text, options)
  expect(others).toEqual([])
  return batch as Batch
}

/** The columns of a small file without bad lines, as kind and values. */
async function columnsOf(text: string, options?: CsvOptions): Promise<Record<string, unknown[]>> {
  const { frame, bad } = await only(text, options)
  expect(bad).toEqual([])
  return Object.fromEntries(
    frame.columns.map(({ name, kind, values }) => [name, [kind, ...values]]),
  )
}

/** The kind and the values of fields one below the other. */
async function column(...fields: string[]): Promise<unknown[] | undefined> {
  const rows = fields.map((field, row) => `${row},${field}\n`)
  return (await columnsOf(`index,v\n${rows.join("")}`))["v"]
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error: unknown = await promise.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Problem)
  return error as Problem
}

const reasons = ({ bad }: Batch) => bad.map(({ line, reason }) => [line, reason])

/** The kind of the index and its stamps. */
const labels = async (text: string, options?: CsvOptions) => {
  const { frame } = await only(text, options)
  return [frame.kind, ...frame.index]
}

/** The columns beside the index. */
const names = async (text: string, options?: CsvOptions) =>
  Object.keys(await columnsOf(text, options))

/** Rows of an integer index and one field. */
const rows = (from: number, to: number, field: (row: number) => string) =>
  Array.from({ length: to - from }, (_, at) => `${from + at},${field(from + at)}\n`).join("")

describe("a record of CSV", () => {
  it.each<[string, string, string[] | null]>([
    ["plain", "a,b,c", ["a", "b", "c"]],
    ["one field", "a", ["a"]],
    ["empty fields", ",a,,", ["", "a", "", ""]],
    ["quoted", '"a","b,c"', ['"a', '"b,c']],
    ["an empty text", '"",a,""', ['"', "a", '"']],
    ["doubled quotes", '"say ""hi""",""""', ['"say "hi"', '""']],
    ["a quote within a field", 'a,5" pipe', ["a", '5" pipe']],
    ["spaces, which belong to the field", ' a , "b" ', [" a ", ' "b" ']],
    ["a newline within quotes", '"a\r\nb",c', ['"a\r\nb', "c"]],
    ["JSON", 'x,"{""a"":[1,2]}"', ["x", '"{"a":[1,2]}']],
    ["text after a closing quote", '"a"b,c', null],
    ["a space after a closing quote", '"a" ,c', null],
  ])("is split: %s", (_, text, fields) => {
    expect(splitFields(text)).toEqual(fields)
  })

  it("is split as csv-parse splits it", () => {
    const field = fc
      .array(fc.constantFrom("a", ",", '"', "\n", "\r\n", " ", "é"))
      .map((p) => p.join(""))
    fc.assert(
      fc.property(fc.array(fc.tuple(field, fc.boolean()), { minLength: 1 }), (fields) => {
        const text = fields
          .map(([content, quoted]) =>
            quoted || /[",\r\n]/.test(content) ? `"${content.replaceAll('"', '""')}"` : content,
          )
          .join(",")
        fc.pre(text !== "")
        const [record] = parse(text, { record_delimiter: "\n" })
        expect(splitFields(text)?.map(textOf)).toEqual(record)
        // What is open after each line tells where the record ends.
        let open = false
        const ends = text.split("\n").map((line) => (open = quoteIsOpen(line, open)))
        expect(ends.indexOf(false)).toBe(ends.length - 1)
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})

describe("a column of CSV", () => {
  it("is of the narrowest kind that keeps its fields", async () => {
    expect(await column("1", "-2", "")).toEqual(["int64", 1, -2, null])
    expect(await column("1", "2.5", "")).toEqual(["float64", 1, 2.5, NaN])
    expect(await column("1.0", "2.0")).toEqual(["float64", 1, 2])
    expect(await column("true", "False", "TRUE", "")).toEqual(["boolean", true, false, true, null])
    expect(await column("a", "", "c")).toEqual(["string", "a", null, "c"])
    expect(await column("", "NA")).toEqual(["null", null, null])
  })

  it("keeps integers beyond 2^53, also beside floats", async () => {
    expect(await column("9007199254740993", "1")).toEqual(["int64", 9007199254740993n, 1])
    expect(await column("9007199254740993", "1.5")).toEqual(["json", 9007199254740993n, 1.5])
  })

  it("is text as a whole where one field is, with every character", async () => {
    expect(await column("1.50", "007", "abc", "")).toEqual(["string", "1.50", "007", "abc", null])
    expect(await column("true", "1")).toEqual(["string", "true", "1"])
    expect(await column("inf", "x", " 1 ")).toEqual(["string", "inf", "x", " 1 "])
    expect(await column("9223372036854775808")).toEqual(["string", "9223372036854775808"])
  })

  it("has nulls for what pandas takes for missing, unless it is quoted", async () => {
    expect(await column("nan", "NaN", "NA", "null", "None", "#N/A N/A", "", "1")).toEqual([
      "int64",
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      1,
    ])
    expect(await column('"NA"', '""', "")).toEqual(["string", "NA", "", null])
  })

  it("is text where it is quoted, unless quotes are to be ignored", async () => {
    const text = '"date","n","s"\n"2015-01-01","1","""x"""\n"2015-01-02","","y"\n'
    expect(await columnsOf(text)).toEqual({
      n: ["string", "1", ""],
      s: ["string", '"x"', "y"],
    })
    expect(await columnsOf(text, { quotes: "ignored" })).toEqual({
      n: ["int64", 1, null],
      s: ["string", '"x"', "y"],
    })
  })

  it("takes spaces around a number", async () => {
    expect(await column(" 1", "2 ", " 3.5 ")).toEqual(["float64", 1, 2, 3.5])
  })

  it("refuses a line whose number no double reaches", async () => {
    const batch = await only("index,v\n1,1.5\n2,inf\n3,-1e999\n4,2\n")
    expect(reasons(batch)).toEqual([
      [3, 'has "inf" in column "v", which is larger than any double'],
      [4, 'has "-1e999" in column "v", which is larger than any double'],
    ])
    expect(batch.frame.columns[0]?.values).toEqual(Float64Array.of(1.5, 2))
  })
})

describe("the index of CSV", () => {
  it("is the column that is named, else one called so in any case, else the first", async () => {
    expect(await names("a,Date,t\n1,2015-01-01,2015-01-01\n")).toEqual(["a", "t"])
    expect(await names("a,Date,t\n1,2015-01-01,2015-01-01\n", { index: "t" })).toEqual([
      "a",
      "Date",
    ])
    expect(await names("TIMESTAMP,index\n1,2\n")).toEqual(["index"])
    expect(await names(",a,b\n0,1,2\n")).toEqual(["a", "b"])
  })

  it("takes the forms of pandas' to_csv", async () => {
    expect(await labels("index,v\n2015-01-01,1\n2015-01-02 12:00:00.5,1\n")).toEqual([
      "naive",
      NEW_YEAR,
      NEW_YEAR + DAY * 1.5 + 500_000,
    ])
    expect(await labels("index,v\n2015-01-01 01:00:00+01:00,1\n")).toEqual(["utc", NEW_YEAR])
    expect(await labels("index,v\n1420070400,1\n1420156800,1\n")).toEqual([
      "naive",
      NEW_YEAR,
      NEW_YEAR + DAY,
    ])
    expect(await labels("index,v\n1420070400000,1\n", { kind: "utc" })).toEqual(["utc", NEW_YEAR])
    expect(await labels("index,v\n0,1\n-1,1\n")).toEqual(["integer", 0, -1])
    expect(await labels("index,v\n1420070400,1\n", { kind: "integer" })).toEqual([
      "integer",
      1_420_070_400,
    ])
  })

  it("spoils a line whose label is no stamp, or of another form than the first", async () => {
    const times = await only(
      `index,v
2015-01-01T00:00:00Z,1
yesterday,2
2015-01-01T00:00:00,3
2015-01-01T00:00:00.0000001Z,4
9999-01-01T00:00:00Z,5
,6
1420070400,7
2015-02-30T00:00:00Z,8`,
    )
    expect(reasons(times)).toEqual([
      [3, 'has the label "yesterday", which is neither an ISO 8601 time nor a number'],
      [4, 'has the label "2015-01-01T00:00:00", which has no zone, others have one'],
      [5, 'has the label "2015-01-01T00:00:00.0000001Z", which is finer than a microsecond'],
      [6, 'has the label "9999-01-01T00:00:00Z", which is outside 1684-07-28 to 2255-06-05'],
      [7, 'has the label "", which is empty'],
      [8, 'has the label "1420070400", which is a number, others are ISO 8601 times'],
      [9, 'has the label "2015-02-30T00:00:00Z", which is neither an ISO 8601 time nor a number'],
    ])
    expect(times.frame.columns[0]?.values).toEqual([1])
    const integers = await only("index,v\n1,1\n1.5,2\n2015-01-01,3\n99999999999999999,4\n")
    expect(reasons(integers)).toEqual([
      [3, 'has the label "1.5", which is no integer, others are'],
      [4, 'has the label "2015-01-01", which is a time, others are numbers'],
      [5, `has the label "99999999999999999", which is beyond ±${STAMP_MAX}`],
    ])
  })

  it("gives a line of units below the header no say in what the columns are", async () => {
    const batch = await only("time,temp,wind\n,degC,m/s\n2015-01-01,1.5,3\n")
    expect(batch.frame.columns.map(({ kind }) => kind)).toEqual(["float64", "int64"])
    expect(batch.bad).toEqual([
      { line: 2, reason: 'has the label "", which is empty', text: ",degC,m/s" },
    ])
  })
})

describe("a CSV file", () => {
  it("may have blank lines, CRLF, and records over several lines", async () => {
    const text = '\ufeffindex,v\r\n\r\n1,"a\r\nb"\r\n2,"\n\n"\r\n3,c'
    expect(await columnsOf(text)).toEqual({ v: ["string", "a\r\nb", "\n\n", "c"] })
    const [batch] = await gather(readCsv(byteByByte(text)))
    expect(batch?.frame.columns[0]?.values).toEqual(["a\r\nb", "\n\n", "c"])
    expect(batch?.lines).toEqual([3, 8])
  })

  it("has bad lines, each with its number, reason and beginning", async () => {
    const { bad, frame } = await only(`index,v\n1,a,b\n2\n3,"x"y\n4,ok\n5,${"z".repeat(999)},\n`)
    expect(frame.columns[0]?.values).toEqual(["ok"])
    expect(bad.map(({ line, reason }) => [line, reason])).toEqual([
      [2, "has 3 fields, the header has 2"],
      [3, "has 1 field, the header has 2"],
      [4, "has text between a closing quote and the comma"],
      [6, "has 3 fields, the header has 2"],
    ])
    expect(bad[3]?.text).toBe(`5,${"z".repeat(118)}…`)
  })

  it("tells of a quote that nothing closes, and reads all before it", async () => {
    const { bad, frame } = await only('index,v\n1,a\n2,"b\n3,c\n4,d\n')
    expect(frame.index).toEqual(Float64Array.of(1))
    expect(bad).toEqual([
      {
        line: 3,
        reason: "opens a quote that nothing closes; what follows it was not read",
        text: '2,"b\n3,c\n4,d\n',
      },
    ])
  })

  it("goes on behind a record that is too long, and knows where it ends", async () => {
    const line = `${"x".repeat(999)}\n`
    const { bad, frame } = await only(`index,v\n1,"${line.repeat(1_100)}"\n2,b\n`)
    expect(frame.index).toEqual(Float64Array.of(2))
    expect(bad.map(({ line: number, reason }) => [number, reason])).toEqual([
      [2, `is longer than ${LINE_MAX_BYTES} characters, with the lines its quotes span`],
    ])
  })

  it("goes on behind a line that is too long, unless a quote may be open in it", async () => {
    const long = "x".repeat(LINE_MAX_BYTES)
    const plain = await only(`index,v\n1,${long}\n2,b\n`)
    expect(plain.frame.index).toEqual(Float64Array.of(2))
    expect(reasons(plain)).toEqual([[2, `is longer than ${LINE_MAX_BYTES} bytes`]])
    const quoted = await only(`index,v\n1,a\n2,${long}"\n3,b\n`)
    expect(quoted.frame.index).toEqual(Float64Array.of(1))
    expect(quoted.bad[0]?.reason).toMatch(
      /what follows it was not read, because it may open a quote$/,
    )
  })

  it("is refused without a header that names each column once", async () => {
    expect((await problemOf(read(""))).message).toBe(
      "The CSV must begin with a header of column names, it is empty",
    )
    expect((await problemOf(read("index,a,a\n"))).message).toBe(
      '"columns.a" of the frame is there twice',
    )
    for (const line of ["2015-01-01,1", "2015-01-01T12:00:00Z,a"]) {
      expect((await problemOf(read(`${line}\n2015-01-02,2\n`))).message).toMatch(
        /^The CSV must begin with a header .* begins with a time, "2015-01-01/,
      )
    }
    expect((await problemOf(read("a,b\n1,2\n", { index: "c" }))).message).toBe(
      '"index" must name a column of the header, a, b; it is "c"',
    )
    const header = Array.from({ length: 2_002 }, (_, at) => `c${at}`).join(",")
    expect((await problemOf(read(header))).message).toBe(
      "A frame must have at most 2000 columns, this one has 2001 or more",
    )
  })
})

describe("batches of CSV", () => {
  it("are of a bounded number of rows, cells and characters", async () => {
    const batches = await read(`index,v\n${rows(0, 12_000, String)}`)
    expect(batches.map(({ frame }) => frame.index.length)).toEqual([5_000, 5_000, 2_000])
    expect(batches.map(({ lines }) => lines)).toEqual([
      [2, 5_001],
      [5_002, 10_001],
      [10_002, 12_001],
    ])
    const wide = Array.from({ length: 1_999 }, (_, at) => `c${at}`)
    const sparse = await read(`index,${wide.join(",")}\n${rows(0, 600, () => ",".repeat(1_998))}`)
    expect(sparse.map(({ frame }) => frame.index.length)).toEqual([250, 250, 100])
    const heavy = await read(`index,v\n${rows(0, 5, () => "x".repeat(900_000))}`)
    expect(heavy.map(({ frame }) => frame.index.length)).toEqual([3, 2])
  })

  it("widen from integers to floats, and join to what one batch would have been", async () => {
    const text = `index,v\n${rows(0, 6_000, (row) => (row < 5_500 ? String(row) : `${row}.5`))}`
    const batches = await read(text)
    expect(batches.map(({ frame }) => frame.columns[0]?.kind)).toEqual(["int64", "float64"])
    const entries = batches.map(({ frame }) => ({ removed: null, rows: frame }))
    const whole = merge(entries, { kind: "integer", unit: "ms", columns: [] })
    expect(whole.columns[0]?.values[5_499]).toBe(5_499)
    expect(whole.columns[0]?.values[5_500]).toBe(5_500.5)
  })

  it("keep text text, and let no text into numbers that were handed out", async () => {
    const texts = await read(`index,v\n${rows(0, 6_000, (row) => (row === 3 ? "x" : `0${row}`))}`)
    expect(texts[1]?.frame.columns[0]?.values[7]).toBe("05007")
    const numbers = await read(
      `index,v\n${rows(0, 6_000, (row) => (row === 5_500 ? "x" : `${row}`))}`,
    )
    expect(reasons(numbers[1] as Batch)).toEqual([
      [5_502, 'has "x" in column "v", which must be a number like those before it'],
    ])
    expect(numbers[1]?.frame.columns[0]?.kind).toBe("int64")
    const truths = await read(`index,v\n${rows(0, 6_000, (row) => (row === 5_500 ? "1" : "true"))}`)
    expect(reasons(truths[1] as Batch)).toEqual([
      [5_502, 'has "1" in column "v", which must be true or false like those before it'],
    ])
  })

  it("know the columns of the series they are for", async () => {
    const columns = [
      { name: "code", mask: kinds.STRING },
      { name: "n", mask: kinds.FLOAT },
      { name: "any", mask: kinds.STRING | kinds.INTEGER },
    ]
    const { frame, bad } = await only("index,code,n,any\n1,007,1,2\n2,008,x,3\n", { columns })
    expect(frame.columns.map(({ kind, values }) => [kind, ...values])).toEqual([
      ["string", "007"],
      ["float64", 1],
      ["int64", 2],
    ])
    expect(bad[0]?.reason).toBe(
      'has "x" in column "n", which must be a number like those before it',
    )
  })
})
