import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { LINE_MAX_BYTES, SERIES_MAX_COLUMNS } from "../../src/protocol/limits.ts"
import {
  readLineProtocol,
  type LineProtocolOptions,
  type PointBatch,
} from "../../src/series/formats/lineprotocol.ts"
import { readAddress } from "../../src/series/formats/tags.ts"
import { cell, type Json } from "../../src/series/frame.ts"
import { byteByByte, cuts, gather, streamOf, zipped } from "./streams.ts"

const NOW = 1_700_000_000_123

const read = (text: string, options?: LineProtocolOptions) =>
  gather(readLineProtocol(streamOf(text), NOW, options))

/** The only batch of a few lines. */
async function only(text: string, options?: LineProtocolOptions): Promise<PointBatch> {
  const [batch, ...others] = await read(text, options)
  expect(others).toEqual([])
  return batch as PointBatch
}

/** All points of a batch, as [reference, symbol, stamp, fields that are not null]. */
function points({ series }: PointBatch): unknown[] {
  return series.flatMap(({ reference, symbol, frame }) =>
    [...frame.index].map((stamp, row) => {
      const cells = frame.columns.map((column) => [column.name, cell(column, row)] as const)
      const fields = Object.fromEntries(cells.filter(([, one]) => one !== null))
      return [reference, symbol, stamp, fields]
    }),
  )
}

/** The one point of a line that is fine. */
async function point(text: string, options?: LineProtocolOptions): Promise<unknown> {
  const batch = await only(text, options)
  expect(batch.bad).toEqual([])
  return points(batch)[0]
}

/** What is wrong with a line that is not. */
async function flaw(text: string, options?: LineProtocolOptions): Promise<string | undefined> {
  const batch = await only(text, options)
  expect(batch.series).toEqual([])
  return batch.bad[0]?.reason
}

/** The value of field `v`, with its column's kind. */
async function value(text: string): Promise<unknown> {
  const batch = await only(`m v=${text} 1`)
  expect(batch.bad).toEqual([])
  const column = batch.series[0]?.frame.columns[0]
  return [column?.kind, column?.values[0]]
}

/** The stamp of a line with that timestamp. */
const stamp = async (text: string, options?: LineProtocolOptions) =>
  ((await point(`m v=1 ${text}`, options)) as unknown[])[2]

/** What is wrong with a timestamp. */
const wrong = (text: string, options?: LineProtocolOptions) => flaw(`m v=1 ${text}`, options)

/** A tag or a name of a field as a line has it. */
const escaped = (text: string) => text.replace(/[\\,= ]/g, "\\$&")

/** The symbol of a line with these tags. */
const symbolOf = (set: Record<string, string>) => {
  const pairs = Object.entries(set).map(([key, one]) => `,${escaped(key)}=${escaped(one)}`)
  const address = readAddress(`m${pairs.join("")}`)
  expect(address).toBeTypeOf("object")
  return typeof address === "object" ? address.symbol : ""
}
const sorted = (set: Record<string, string>) => JSON.stringify(Object.entries(set).toSorted())

/** The value of a field as a line has it. */
const written = (one: Json) =>
  typeof one === "string" ? `"${one.replace(/["\\]/g, "\\$&")}"` : String(one)

/** Points in an order of their own: series come in the order of their first line. */
const ordered = (all: unknown[]) => all.map((one) => JSON.stringify(one)).toSorted()

describe("a line of line protocol", () => {
  it("is a point: measurement, tags, fields, timestamp", async () => {
    expect(
      await point(
        "weather,location=us-midwest,season=summer temperature=82,humidity=71i 1465839830100400000",
      ),
    ).toEqual([
      "weather",
      "location=us-midwest,season=summer",
      1_465_839_830_100_400,
      { temperature: 82, humidity: 71 },
    ])
  })

  it("without tags has the symbol _, and without a timestamp the time of now", async () => {
    expect(await point("m v=1")).toEqual(["m", "_", NOW * 1_000, { v: 1 }])
    expect(await point("m v=1  ")).toEqual(["m", "_", NOW * 1_000, { v: 1 }])
  })

  it("has its tags sorted by key", async () => {
    const batch = await only("m,b=2,a=1 v=1 1\nm,a=1,b=2 v=2 2\n")
    expect(batch.series.map(({ symbol, frame }) => [symbol, frame.index.length])).toEqual([
      ["a=1,b=2", 2],
    ])
  })

  it.each<[string, [string, string, Record<string, number>]]>([
    [String.raw`m\,a\ b\=c v=1 1`, [String.raw`m,a b\=c`, "_", { v: 1 }]],
    [String.raw`m\\,t=1 v=1 1`, ["m\\", "t=1", { v: 1 }]],
    [String.raw`m\x v=1 1`, [String.raw`m\x`, "_", { v: 1 }]],
    [String.raw`"m" v=1 1`, ['"m"', "_", { v: 1 }]],
    [String.raw`m=n v=1 1`, ["m=n", "_", { v: 1 }]],
    [String.raw`m,k\,\ \=\\=1 v=1 1`, ["m", String.raw`k\, \=\\=1`, { v: 1 }]],
    [String.raw`m,k=a\,b\ c\=d\\ v=1 1`, ["m", String.raw`k=a\,b c\=d\\`, { v: 1 }]],
    [String.raw`m,k=C:\dir v=1 1`, ["m", String.raw`k=C:\\dir`, { v: 1 }]],
    [String.raw`m,k=a=b v=1 1`, ["m", String.raw`k=a\=b`, { v: 1 }]],
    [String.raw`m,k="q" v=1 1`, ["m", 'k="q"', { v: 1 }]],
    [String.raw`m a\,b\ c\=d\\=1 1`, ["m", "_", { [String.raw`a,b c=d` + "\\"]: 1 }]],
    [String.raw`m C:\dir=1 1`, ["m", "_", { [String.raw`C:\dir`]: 1 }]],
    [String.raw`m "f"=1 1`, ["m", "_", { '"f"': 1 }]],
    [String.raw`  m,t=1   v=1,w=2   1  `, ["m", "t=1", { v: 1, w: 2 }]],
    ["météo,ville=Orléans température=1 1", ["météo", "ville=Orléans", { température: 1 }]],
    ["🍺,🏷=🎈 🔑=1 1", ["🍺", "🏷=🎈", { "🔑": 1 }]],
  ])("takes backslashes as InfluxDB does: %s", async (line, [reference, symbol, fields]) => {
    expect(await point(line)).toEqual([reference, symbol, 1_000_000, fields])
  })

  it("is passed over where it is blank or a comment", async () => {
    const batch = await only('# m v="1\n\n   \n  # x\r\nm v=1 1\r\n#end')
    expect(points(batch)).toHaveLength(1)
    expect(batch.bad).toEqual([])
    expect(await read("# nothing\n")).toEqual([])
  })
})

describe("a field of line protocol", () => {
  it("is a float, unless it says otherwise", async () => {
    expect(await value("1")).toEqual(["float64", 1])
    expect(await value("-1.5")).toEqual(["float64", -1.5])
    expect(await value("1.5e-3")).toEqual(["float64", 0.0015])
    expect(await value("1E+5")).toEqual(["float64", 100_000])
    expect(await value("-0")).toEqual(["float64", -0])
    expect(await value("123456789012345678901234567890")).toEqual([
      "float64",
      1.2345678901234568e29,
    ])
  })

  it("is an integer with i or u, of all its digits", async () => {
    expect(await value("9223372036854775807i")).toEqual(["int64", 2n ** 63n - 1n])
    expect(await value("-9223372036854775808i")).toEqual(["int64", -(2n ** 63n)])
    expect(await value("9007199254740993u")).toEqual(["int64", 9007199254740993n])
    expect(await value("-0i")).toEqual(["int64", 0])
  })

  it("is true or false in every spelling", async () => {
    for (const word of ["t", "T", "true", "True", "TRUE"]) {
      expect(await value(word)).toEqual(["boolean", true])
    }
    for (const word of ["f", "F", "false", "False", "FALSE"]) {
      expect(await value(word)).toEqual(["boolean", false])
    }
  })

  it.each<[string, string]>([
    [String.raw`""`, ""],
    [String.raw`"a b,c=d"`, "a b,c=d"],
    [String.raw`"say \"hi\""`, 'say "hi"'],
    [String.raw`"C:\\dir\\"`, "C:\\dir\\"],
    [String.raw`"C:\dir\n"`, String.raw`C:\dir\n`],
    [String.raw`"\\\""`, '\\"'],
    ['"two\nlines, v=1"', "two\nlines, v=1"],
    ['"\r\n\n"', "\r\n\n"],
    ['"# no comment"', "# no comment"],
  ])("is a string in quotes: %s", async (text, expected) => {
    expect(await value(text)).toEqual(["string", expected])
  })

  it("becomes a column that keeps what every line says", async () => {
    const batch = await only('m a=1i,b=1i,c=1 1\nm a=2.5,b="x" 2\nm d=t 3\n')
    expect(batch.series[0]?.frame.kind).toBe("utc")
    expect(
      batch.series[0]?.frame.columns.map(({ name, kind, values }) => [name, kind, ...values]),
    ).toEqual([
      ["a", "float64", 1, 2.5, NaN],
      ["b", "json", 1, "x", null],
      ["c", "float64", 1, NaN, NaN],
      ["d", "boolean", null, null, true],
    ])
  })

  it("is found again in any order and spelling", async () => {
    const batch = await only(
      "m a=1,b=2,c=3 1\nm c=4,a=5 2\nm b=6,ab=7 3\nm a\\b=1,a\\\\b=2 4\nm a\\\\b=3 5\n",
    )
    expect(points(batch).map((one) => (one as unknown[])[3])).toEqual([
      { a: 1, b: 2, c: 3 },
      { a: 5, c: 4 },
      { b: 6, ab: 7 },
      { "a\\b": 3 },
    ])
    expect(batch.bad.map(({ line, reason }) => [line, reason])).toEqual([
      [4, 'has the field "a\\\\b" twice'],
    ])
  })
})

describe("a timestamp of line protocol", () => {
  it("has its unit guessed by its size", async () => {
    expect(await stamp("4999999999")).toBe(4_999_999_999_000_000)
    expect(await stamp("5000000000")).toBe(5_000_000_000_000)
    expect(await stamp("4999999999999")).toBe(4_999_999_999_999_000)
    expect(await stamp("5000000000000")).toBe(5_000_000_000_000)
    expect(await stamp("4999999999999999")).toBe(4_999_999_999_999_999)
    expect(await stamp("5000000000000000")).toBe(5_000_000_000_000)
    expect(await stamp("1465839830100400000")).toBe(1_465_839_830_100_400)
    expect(await stamp("-1465839830")).toBe(-1_465_839_830_000_000)
    expect(await stamp("-0")).toBe(0)
  })

  it("has the unit that the request says", async () => {
    expect(await stamp("7", { precision: "s" })).toBe(7_000_000)
    expect(await stamp("7", { precision: "ms" })).toBe(7_000)
    expect(await stamp("-7", { precision: "us" })).toBe(-7)
    expect(await stamp("-7000", { precision: "ns" })).toBe(-7)
    expect(await stamp("0", { precision: "ns" })).toBe(0)
    expect(await stamp("9007199254740991000", { precision: "ns" })).toBe(Number.MAX_SAFE_INTEGER)
  })

  it("is never rounded, and never out of range", async () => {
    expect(await wrong("1465839830100400200")).toBe(
      'has the timestamp "1465839830100400200", which in nanoseconds is no whole microsecond',
    )
    expect(await wrong("500", { precision: "ns" })).toMatch(/no whole microsecond$/)
    expect(await wrong("9223372036854775000")).toMatch(/in ns is outside 1684-07-28 to 2255-06-05$/)
    expect(await wrong("99999999999", { precision: "s" })).toMatch(/in s is outside/)
    for (const text of ["1.5", "1e9", "now", "1465839830100400200123", "1 2", "+1"]) {
      expect(await wrong(text)).toMatch(/is no integer of 64 bits$/)
    }
  })
})

describe("a bad line of line protocol", () => {
  it.each<[string, string]>([
    ["m", "has no fields"],
    ["m ", "has no fields"],
    ["m,t=1", "has no fields"],
    [",t=1 v=1", "has no measurement"],
    ["m, v=1", 'has the tag "" without a value'],
    ["m,t v=1", 'has the tag "t" without a value'],
    ["m,t= v=1", 'has the tag "t=" without a key or a value'],
    ["m,=1 v=1", 'has the tag "=1" without a key or a value'],
    ["m,t=1,u=2,t=1 v=1", 'has the tag "t" twice'],
    [".. v=1", 'has the measurement "..", which no URI can name'],
    [`${"m".repeat(513)} v=1`, "has a measurement of more than 512 bytes"],
    [`m,t=${"é".repeat(256)} v=1`, "has a set of tags of more than 512 bytes"],
    ["m v", 'has the field "v" without a value'],
    ["m v,w=1", 'has the field "v" without a value'],
    ["m v=", 'has the field "v" without a value'],
    ["m v=1,", 'has the field "" without a value'],
    ["m v=1,,w=2", 'has the field "" without a value'],
    ["m =1", "has a field without a name"],
    ["m v=1,v=2", 'has the field "v" twice'],
    ["m v=NaN", 'has the field "v" with "NaN", which is no value'],
    ["m v=-Inf", 'has the field "v" with "-Inf", which is no value'],
    ["m v=1e999", 'has the field "v" with "1e999", which is larger than any double'],
    ["m v=tRUE", 'has the field "v" with "tRUE", which is no value'],
    ["m v=0x10", 'has the field "v" with "0x10", which is no value'],
    ["m v=1.5i", 'has the field "v" with "1.5i", which is no integer of 64 bits'],
    [
      "m v=9223372036854775808i",
      'has the field "v" with "9223372036854775808i", which is no integer of 64 bits',
    ],
    [
      "m v=18446744073709551615u",
      'has the field "v" with "18446744073709551615u", which is no integer of 64 bits',
    ],
    ["m v=-1u", 'has the field "v" with "-1u", which is no integer of 64 bits'],
    ["m v=i", 'has the field "v" with "i", which is no integer of 64 bits'],
    ['m v="a"b 1', 'has the field "v" with "b" after its string'],
    ['m v="a', "opens a quote that nothing closes; what follows it was not read"],
  ])("is told what is wrong: %s", async (line, reason) => {
    expect(await flaw(line)).toBe(reason)
  })

  it("counts as a whole or not at all, and leaves the others alone", async () => {
    const batch = await only('m a=1 1\nm a=2,b="x",c=oops 2\nm a=3\xff 3\nm a=4 4\n')
    expect(points(batch)).toEqual([
      ["m", "_", 1_000_000, { a: 1 }],
      ["m", "_", 4_000_000, { a: 4 }],
    ])
    expect(batch.series[0]?.frame.columns).toHaveLength(1)
    expect(batch.bad.map(({ line, text }) => [line, text])).toEqual([
      [2, 'm a=2,b="x",c=oops 2'],
      [3, "m a=3ÿ 3"],
    ])
  })

  it("has the number of its first line where a string spans several", async () => {
    const batch = await only('m a="1\n2\n3" 1\nm a="4\n5"x 2\nm a="6" 3\n')
    expect(points(batch)).toHaveLength(2)
    expect(batch.bad.map(({ line, text }) => [line, text])).toEqual([[4, 'm a="4\n5"x 2']])
    expect(batch.lines).toEqual([1, 6])
  })

  it("may be too long", async () => {
    const long = "x".repeat(LINE_MAX_BYTES)
    const batch = await only(`m ${long}=1 1\nm v=1 1\nm v="${long}" 2\nm v=3 3\n`)
    expect(points(batch)).toHaveLength(1)
    expect(batch.bad.map(({ line, reason }) => [line, reason])).toEqual([
      [1, `is longer than ${LINE_MAX_BYTES} bytes`],
      [
        3,
        `is longer than ${LINE_MAX_BYTES} bytes; what follows it was not read, because it may open a quote`,
      ],
    ])
  })
})

describe("the symbol of a set of tags", () => {
  it("is another for every other set", () => {
    const text = fc
      .array(fc.constantFrom("a", "b", ",", "=", "\\", " ", "_"), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join(""))
    const tags = fc.dictionary(text, text, { maxKeys: 3 })
    fc.assert(
      fc.property(tags, tags, (one, other) => {
        expect(symbolOf(one) === symbolOf(other)).toBe(sorted(one) === sorted(other))
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })
})

describe("a stream of line protocol", () => {
  it("says the same wherever it is cut", async () => {
    const name = fc.stringMatching(/^[a-z ,=\\é"]{1,5}[a-z]$/)
    const field = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom('"', "\\", '\\"', "\n", 'x" v=1 1\nm v="'),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    )
    const line = fc.record({
      measurement: name,
      tag: name,
      fields: fc.dictionary(name, field, { minKeys: 1, maxKeys: 4 }),
      at: fc.integer({ min: -(10 ** 9), max: 10 ** 9 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), cuts, async (lines, places) => {
        const text = lines.map(({ measurement, tag, fields, at }) => {
          const pairs = Object.entries(fields).map(
            ([own, one]) => `${escaped(own)}=${written(one)}`,
          )
          const head = measurement.replace(/[\\, ]/g, "\\$&")
          return `${head},${escaped(tag)}=${escaped(tag)} ${pairs.join(",")} ${at}\n`
        })
        const stream = streamOf(text.join(""), places)
        const batches = await gather(readLineProtocol(stream, NOW, { precision: "s" }))
        const found = batches.flatMap((batch) => {
          expect(batch.bad).toEqual([])
          return points(batch)
        })
        const expected = lines.map(({ measurement, tag, fields, at }) => {
          const part = tag.replace(/[\\,=]/g, "\\$&")
          return [measurement, `${part}=${part}`, at * 1_000_000, fields]
        })
        expect(ordered(found)).toEqual(ordered(expected))
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it("may be zipped, or come byte by byte", async () => {
    const text = 'm,t=1 v="é\n😀" 1\r\nm,t=2 v=2 2'
    const [plain] = await read(text)
    expect(await gather(readLineProtocol(byteByByte(text), NOW))).toEqual([plain])
    const packed = streamOf(await zipped(text), [20])
    expect(await gather(readLineProtocol(packed, NOW, { encoding: "gzip" }))).toEqual([plain])
  })

  it("comes in batches of bounded rows and cells, each with its series", async () => {
    const many = Array.from({ length: 7_000 }, (_, row) => `m,t=${row % 3} v=${row} ${row}`)
    const batches = await read(many.join("\n"))
    expect(batches.map(({ lines }) => lines)).toEqual([
      [1, 5_000],
      [5_001, 7_000],
    ])
    expect(batches.map(({ series }) => series.map(({ frame }) => frame.index.length))).toEqual([
      [1_667, 1_667, 1_666],
      [667, 667, 666],
    ])
    const fields = Array.from({ length: 1_500 }, (_, at) => `f${at}=1`).join(",")
    const narrow = Array.from({ length: 600 }, (_, row) => `m v=1 ${row}`)
    // The wide line would give each of the 600 rows 1,500 cells.
    const sparse = await read([...narrow, `m ${fields} 601`].join("\n"))
    expect(sparse.map(({ series: [one] }) => one?.frame.columns.length)).toEqual([1, 1_500])
  })

  it("gives a series no more columns than it may have", async () => {
    const fields = Array.from({ length: SERIES_MAX_COLUMNS }, (_, at) => `f${at}=1`).join(",")
    const batch = await only(`m ${fields} 1\nm more=1 2\n`)
    expect(batch.bad[0]?.reason).toBe(
      `has the field "more", one more than the ${SERIES_MAX_COLUMNS} of a series`,
    )
  })
})
