/** Bytes that are written digit by digit, beside the texts of the engine. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  NUMBER_MAX_BYTES,
  putDecimal,
  putHundredths,
  putInteger,
  putScaled,
  SCALE_MAX,
  SCALED_MAX,
} from "../../src/lib/decimals.ts"
import { TextWriter } from "../../src/lib/textwriter.ts"
import { ORIENTS, type DateFormat, type Orient } from "../../src/protocol/orients.ts"
import { decodeChunk, encodeChunk } from "../../src/series/chunk.ts"
import { csvDocument, ndjsonDocument } from "../../src/series/formats/write.ts"
import { STAMP_MAX, unitOf, type Column, type Frame, type Json } from "../../src/series/frame.ts"
import { floatText, jsonText } from "../../src/series/json.ts"
import { columnOf } from "../../src/series/kinds.ts"
import { documentOf } from "../../src/series/orients/write.ts"
import { stampFormat } from "../../src/series/stamp.ts"
import { write, type Document } from "../../src/series/text/rows.ts"

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const bytes = new Uint8Array(64)
const view = new DataView(bytes.buffer)
const shown = (end: number) => (end < 0 ? null : decoder.decode(bytes.subarray(3, end)))

/** Decimals, and the doubles just beside them, which are none. */
const decimal = fc
  .tuple(fc.integer({ min: -(10 ** 15), max: 10 ** 15 }), fc.nat(17), fc.nat(15), fc.boolean())
  .map(([whole, scale, digits, isBeside]) => {
    const value = Math.trunc(whole / 10 ** digits) / Number(`1e${scale}`)
    return isBeside ? value * (1 + Number.EPSILON) : value
  })
const edges = fc.constantFrom(0, -0, 1, -1, 0.1, 9.99, 99.995, 1e-6, 1e-7, 123e-8, 1e15, 1e16, 1e21)
const double = fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }), edges)
const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.tuple(fc.nat(16), fc.integer({ min: -1, max: 1 })).map(([power, by]) => {
    return Math.min(Number.MAX_SAFE_INTEGER, 10 ** power + by)
  }),
)

describe("a number as bytes", () => {
  it("is an integer with the digits of its text", () => {
    fc.assert(
      fc.property(safe, (value) => {
        expect(shown(putInteger(view, 3, value))).toBe(String(value))
      }),
      { seed: 7, numRuns: 20_000 },
    )
    expect(shown(putInteger(view, 3, -0))).toBe("0")
  })

  it("is a double with the digits of its text, or is left to others", () => {
    fc.assert(
      fc.property(double, fc.integer({ min: 2, max: SCALE_MAX }), (value, scale) => {
        const texts = [
          shown(putHundredths(view, 3, value)),
          shown(putDecimal(view, 3, value, scale)),
        ]
        for (const text of texts) if (text !== null) expect(text).toBe(floatText(value))
      }),
      { seed: 7, numRuns: 50_000 },
    )
  })

  it("is a whole number of 31 bits with a point in it", () => {
    const whole = fc.oneof(fc.integer({ min: -(2 ** 31 - 1) }), fc.integer({ min: -999, max: 999 }))
    fc.assert(
      fc.property(whole, fc.integer({ min: 0, max: SCALED_MAX }), (number, scale) => {
        expect(shown(putScaled(view, 3, number, scale))).toBe(
          floatText((number + 0) / Number(`1e${scale}`)),
        )
      }),
      { seed: 7, numRuns: 50_000 },
    )
  })

  it("takes no more room than is made for it", () => {
    const room = new DataView(new ArrayBuffer(NUMBER_MAX_BYTES))
    putInteger(room, 0, Number.MIN_SAFE_INTEGER)
    for (const value of [-999_999_999_999_999, -99_999.999_999_999_9, -1.234_567_89]) {
      for (let scale = 0; scale <= SCALE_MAX; scale++) putDecimal(room, 0, value, scale)
    }
    for (let scale = 0; scale <= SCALED_MAX; scale++) putScaled(room, 0, -(2 ** 31 - 1), scale)
  })

  it("is written so where it is a price", () => {
    for (const value of [0.01, -0.5, 1, 12.3, 99.99, 1234.5, 21_474_836.47, -21_474_836.47]) {
      expect(shown(putHundredths(view, 3, value))).toBe(floatText(value))
    }
    for (const value of [0, -0, 1.001, 123_456_789.123, 1e-6, 999_999_999_999.5]) {
      expect(shown(putDecimal(view, 3, value, 6)), String(value)).toBe(
        value > 1e11 ? null : floatText(value),
      )
    }
    for (const value of [NaN, Infinity, -Infinity, 0.001, 1e300, 5e-324]) {
      expect(putHundredths(view, 3, value)).toBe(-1)
    }
    for (const value of [NaN, Infinity, 1e-7, 1e300, 1 / 3]) {
      expect(putDecimal(view, 3, value, 9)).toBe(-1)
    }
  })
})

describe("texts one after another", () => {
  it("are their UTF-8, whatever their length", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 100 }), { maxLength: 5 }),
        (texts) => {
          const out = new TextWriter(16)
          out.spare(8)
          let found = ""
          for (const text of texts) {
            out.text(text)
            expect(out.bytes.length - out.length).toBeGreaterThanOrEqual(8)
            if (out.isFull) found += decoder.decode(out.take())
          }
          expect(found + decoder.decode(out.take())).toBe(texts.join("").toWellFormed())
        },
      ),
      { seed: 7 },
    )
  })
})

const KINDS: Record<Column["kind"], fc.Arbitrary<Json>> = {
  float64: fc.oneof(double, fc.constant(null)),
  int64: fc.oneof(safe, fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }), fc.constant(null)),
  boolean: fc.constantFrom(true, false, null),
  string: fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ minLength: 65 }),
    fc.constant(null),
  ),
  json: fc.oneof(fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>, fc.constant(2n ** 60n)),
  null: fc.constant(null),
}
const stamps = fc.oneof(
  fc.integer({ min: -STAMP_MAX, max: STAMP_MAX }),
  fc.nat(4_000_000).map((minute) => (minute - 1_000) * 60_000_000),
  fc.integer({ min: -5_000, max: 2_000_000_000 }).map((at) => at * 1_000),
)
const frame = fc
  .record({
    index: fc.array(stamps, { maxLength: 12 }),
    kind: fc.constantFrom("naive" as const, "utc" as const, "integer" as const),
    names: fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 4 }), { maxLength: 4 }),
    kinds: fc.array(fc.constantFrom(...(Object.keys(KINDS) as Column["kind"][])), {
      minLength: 4,
      maxLength: 4,
    }),
  })
  .chain(({ index, kind, names, kinds }) => {
    const columns = names.map((name, at) => {
      const of = kinds[at] as Column["kind"]
      const cells = fc.array(KINDS[of], { minLength: index.length, maxLength: index.length })
      return cells.map((values) => columnOf(name, of, values))
    })
    const stampsOf = Float64Array.from(index, (stamp) => stamp + 0)
    return fc
      .tuple(...columns)
      .map((all): Frame => ({ index: stampsOf, kind, unit: unitOf(stampsOf, kind), columns: all }))
  })

/** The same by way of the texts of the engine. */
function plain(frames: Frame[], orient: Orient | "csv" | "ndjson", dates: DateFormat): string {
  const [head] = frames as [Frame]
  const rows = frames.flatMap(({ index, columns }) =>
    Array.from(index, (stamp, row) => {
      const label = stampFormat(head.kind, head.unit, orient === "table" ? "iso" : dates)(stamp)
      return { label, cells: columns.map((column) => cellText(column, row)) }
    }),
  )
  const isBare = head.kind === "integer" || (dates === "epoch" && orient !== "table")
  const value = (label: string) => (isBare ? label : `"${label}"`)
  const names = head.columns.map(({ name }) => JSON.stringify(name))
  const record = (cells: string[]) => cells.map((cell, at) => `${names[at]}:${cell}`)
  switch (orient) {
    case "columns":
      return `{${names.map((name, at) => `${name}:{${rows.map(({ label, cells }) => `"${label}":${cells[at]}`)}}`)}}`
    case "index":
      return `{${rows.map(({ label, cells }) => `"${label}":{${record(cells)}}`)}}`
    case "split":
      return `{"columns":[${names}],"index":[${rows.map(({ label }) => value(label))}],"data":[${rows.map(({ cells }) => `[${cells}]`)}]}`
    case "records":
      return `[${rows.map(({ cells }) => `{${record(cells)}}`)}]`
    case "values":
      return `[${rows.map(({ cells }) => `[${cells}]`)}]`
    default: {
      const name = JSON.stringify(indexName(head))
      const lines = rows.map(
        ({ label, cells }) => `{${[`${name}:${value(label)}`, ...record(cells)]}}`,
      )
      return orient === "table"
        ? `{"data":[${lines}],"schema":`
        : lines.map((line) => `${line}\n`).join("")
    }
  }
}

function indexName({ columns }: Frame): string {
  const taken = columns.map(({ name }) => name)
  let name = "index"
  for (let level = 0; taken.includes(name); level++) name = `level_${level}`
  return name
}

function cellText(column: Column, row: number): string {
  const value = column.values[row] ?? null
  return column.kind === "float64" ? floatText(column.values[row] as number) : jsonText(value)
}

const written = (frames: Frame[], document: Document) =>
  [...write(frames, document)].map((piece) => decoder.decode(piece)).join("")

describe("frames as bytes", () => {
  it("are the texts of labels and values, in every orient and as JSON lines", () => {
    const dates = fc.constantFrom("iso" as const, "epoch" as const)
    fc.assert(
      fc.property(frame, dates, fc.integer({ min: 1, max: 3 }), (one, dateFormat, times) => {
        const frames = Array.from({ length: times }, () => one)
        for (const orient of ORIENTS) {
          const text = written(frames, documentOf(one, orient, dateFormat))
          const wanted = plain(frames, orient, dateFormat)
          if (orient === "table") expect(text.startsWith(wanted), `${text} ${wanted}`).toBe(true)
          else expect(text, orient).toBe(wanted)
        }
        const names = one.columns.map(({ name }) => name)
        if (names.includes("index")) return
        expect(written(frames, ndjsonDocument(names, dateFormat))).toBe(
          plain(frames, "ndjson", dateFormat),
        )
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  it("are the same when the rows were packed in a chunk", () => {
    const whole = fc.oneof(fc.integer(), fc.integer({ min: -50, max: 50 }), fc.constant(null))
    const column = fc.tuple(fc.nat(9), fc.array(whole, { minLength: 9, maxLength: 40 }))
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 3 }), (drawn) => {
        const rows = Math.min(...drawn.map(([, wholes]) => wholes.length))
        const columns = drawn.map(([scale, wholes], at) => {
          const cells = wholes.slice(0, rows).map((one) => one && one / 10 ** scale)
          return columnOf("price".repeat(at), "float64", cells)
        })
        const index = Float64Array.from({ length: rows }, (_, row) => row * 60_000_000)
        const some: Frame = { index, kind: "utc", unit: "ms", columns }
        const packed = decodeChunk(encodeChunk(some))
        for (const orient of ["records", "split", "values"] as const) {
          const text = written([packed, packed], documentOf(packed, orient, "iso"))
          expect(text).toBe(plain([some, some], orient, "iso"))
        }
        const names = columns.map(({ name }) => name)
        expect(written([packed], csvDocument(names))).toBe(written([some], csvDocument(names)))
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  it("are the same when values come again, and others between them that end with the same bits", () => {
    const sizes = [1, 99, -7, 100_000, 12_345_678]
    const values = sizes.flatMap((size) => [size, size + 2 ** 14, size, size - 2 ** 14, 5])
    // A column's first row tells whether its texts are kept, and is short here.
    const wholes = [3, ...values, ...values]
    const columns = [2, 2, 0, 6].map((scale, at) =>
      columnOf(
        `c${at}`,
        "float64",
        wholes.map((whole) => whole / 10 ** scale),
      ),
    )
    const index = Float64Array.from(wholes, (_, row) => row * 60_000_000)
    const some: Frame = { index, kind: "utc", unit: "ms", columns }
    const packed = decodeChunk(encodeChunk(some))
    for (const orient of ["records", "split", "values"] as const) {
      const text = written([packed, packed], documentOf(packed, orient, "epoch"))
      expect(text).toBe(plain([some, some], orient, "epoch"))
    }
  })

  it("are numbers without quotes in CSV", () => {
    fc.assert(
      fc.property(fc.array(KINDS.float64), fc.array(KINDS.int64), (doubles, integers) => {
        const count = Math.min(doubles.length, integers.length)
        const columns = [
          columnOf("f", "float64", doubles.slice(0, count)),
          columnOf("i", "int64", integers.slice(0, count)),
        ]
        const index = Float64Array.from({ length: count }, (_, row) => row)
        const text = written(
          [{ index, kind: "integer", unit: "ms", columns }],
          csvDocument(["f", "i"]),
        )
        const lines = Array.from(index, (label, row) => {
          const cells = columns.map((column) => cellText(column, row).replace("null", ""))
          return `${label},${cells.join()}\n`
        })
        expect(text).toBe(`index,f,i\n${lines.join("")}`)
      }),
      { seed: 7, numRuns: 1_000 },
    )
  })

  it("have their first row also behind thousands of long names", () => {
    const columns = Array.from({ length: 2_000 }, (_, at) =>
      columnOf(`${at} ${"long".repeat(50)}`, "int64", [at, at + 1]),
    )
    const wide: Frame = { index: Float64Array.of(1, 2), kind: "integer", unit: "ms", columns }
    for (const orient of ["columns", "index", "split", "records", "values"] as const) {
      const text = written([wide], documentOf(wide, orient, "iso"))
      expect(text === plain([wide], orient, "iso"), orient).toBe(true)
    }
  })

  it("of many rows come in pieces that no row is missing from", () => {
    const count = 40_000
    const index = Float64Array.from({ length: count }, (_, row) => row * 60_000_000)
    const values = Float64Array.from(index, (_, row) => (row % 7_919) / 100)
    const some: Frame = {
      index,
      kind: "utc",
      unit: "ms",
      columns: [{ name: "v", kind: "float64", values }],
    }
    const pieces = [...write([some], documentOf(some, "split", "epoch"))]
    expect(pieces.length).toBeGreaterThan(2)
    expect(
      pieces.map((piece) => decoder.decode(piece)).join("") === plain([some], "split", "epoch"),
    ).toBe(true)
  })
})
